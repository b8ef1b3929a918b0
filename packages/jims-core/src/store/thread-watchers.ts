const LOOK_EVERY_MS = 500;

/** The readers of one store that wait for what is new in threads. */
export class ThreadWatchers {
  readonly #wakes = new Map<string, Set<() => void>>();
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param look Looks for what other processes have written; called from time to time while a reader
   *   waits, once for all of them.
   */
  constructor(look: () => void) {
    this.#look = look;
  }

  get threadIds(): readonly string[] {
    return [...this.#wakes.keys()];
  }

  watch(threadId: string, wake: () => void): () => void {
    const wakes = this.#wakes.get(threadId) ?? new Set();
    this.#wakes.set(threadId, wakes);
    wakes.add(wake);
    if (!this.#isClosed) this.#timer ??= setInterval(this.#look, LOOK_EVERY_MS).unref();
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#wakes.get(threadId) === wakes) this.#wakes.delete(threadId);
      if (this.#wakes.size === 0) this.#stop();
    };
  }

  wake(threadId: string): void {
    this.#wakes.get(threadId)?.forEach((wake) => wake());
  }

  wakeAll(): void {
    for (const threadId of this.threadIds) this.wake(threadId);
  }

  /** Ends the looking; no reader is woken by it any more. */
  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
