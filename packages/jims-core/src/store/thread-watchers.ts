/** Who waits for what is new in threads, of one store. */
export class ThreadWatchers {
  readonly #wakes = new Map<string, Set<() => void>>();
  readonly #look: () => void;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param look Looks for what other processes have written; called from time to time while
   *   somebody waits, once for all who do.
   */
  constructor(look: () => void, everyMs: number = LOOK_EVERY_MS) {
    this.#look = look;
    this.#everyMs = everyMs;
  }

  get threadIds(): readonly string[] {
    return [...this.#wakes.keys()];
  }

  watch(threadId: string, wake: () => void): () => void {
    const wakes = this.#wakes.get(threadId) ?? new Set();
    this.#wakes.set(threadId, wakes);
    wakes.add(wake);
    this.#timer ??= setInterval(this.#look, this.#everyMs).unref();
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#wakes.get(threadId) === wakes) this.#wakes.delete(threadId);
      if (this.#wakes.size === 0) this.close();
    };
  }

  wake(threadId: string): void {
    this.#wakes.get(threadId)?.forEach((wake) => wake());
  }

  wakeAll(): void {
    for (const threadId of this.threadIds) this.wake(threadId);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const LOOK_EVERY_MS = 500;
