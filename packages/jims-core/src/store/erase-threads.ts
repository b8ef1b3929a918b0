/** The pieces that an erasure is made of, each of bounded time. */
export interface ErasingSteps {
  /** Takes some of the threads away, so that nobody finds them; resolves with an empty list when all are taken. */
  take(): Promise<readonly string[]>;
  /** Removes some of what these threads had; resolves with how many, from the first on, are done. */
  eraseSome(threadIds: readonly string[]): Promise<number>;
  /** Wakes the readers of a thread that is gone. */
  wake(threadId: string): void;
}

/** How many threads one piece looks at. */
const PIECE_THREADS = 500;

/** Erases threads piece by piece, and resolves with their ids. Other work has its turn in between. */
export async function eraseThreads(steps: ErasingSteps): Promise<readonly string[]> {
  const ids: string[] = [];
  for (;;) {
    const taken = await steps.take();
    if (taken.length === 0) break;
    for (const threadId of taken) steps.wake(threadId);
    ids.push(...taken);
  }
  for (let done = 0; done < ids.length;) {
    done += await steps.eraseSome(ids.slice(done, done + PIECE_THREADS));
  }
  return ids;
}
