// A time for simulated processes on one store: it goes on when the test says so, and only when nothing is
// under way any more.
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

interface Timer {
  readonly at: number;
  readonly go: () => void;
}

export class ModelTime {
  readonly #newsMs: number;
  #waiting: readonly Timer[] = [];
  #now = 0;
  #pending = 0;
  #activity = 0;

  /** @param newsMs How long news of another connection may take, which nobody sees to be under way. */
  constructor(newsMs: number) {
    this.#newsMs = newsMs;
  }

  /** Lets time go by: what is under way gets on. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.settle();
      const next = this.#takeNext(until);
      if (next.length === 0) break;
      for (const { at, go } of next) {
        this.#now = at;
        go();
      }
    }
    this.#now = until;
  }

  /** Waits until nothing is done any more before time goes on. */
  async settle(): Promise<void> {
    for (let seen = -1; seen !== this.#activity || this.#pending > 0;) {
      seen = this.#activity;
      await setImmediate();
      await setImmediate();
      if (this.#newsMs > 0) await sleep(this.#pending > 0 ? 0 : this.#newsMs);
    }
  }

  /** Does something that must be over before time goes on. */
  async busy<T>(work: () => Promise<T>): Promise<T> {
    this.#pending++;
    this.#activity++;
    try {
      return await work();
    } finally {
      this.#pending--;
      this.#activity++;
    }
  }

  /** Lets nothing more come. */
  end(): void {
    this.#waiting = [];
  }

  /** What a process waits for: it never comes for the dead. */
  sleep(process: { readonly isDead: boolean }, ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stop = (): void => reject(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    const go = (): void => {
      this.#activity++;
      signal?.removeEventListener('abort', stop);
      if (!process.isDead) resolve();
    };
    this.#waiting = [...this.#waiting, { at: this.#now + ms, go }];
    return promise;
  }

  /** What comes next, all that comes at one time. */
  #takeNext(until: number): readonly Timer[] {
    const first = Math.min(until, ...this.#waiting.map(({ at }) => at));
    const next = this.#waiting.filter(({ at }) => at <= first);
    this.#waiting = this.#waiting.filter(({ at }) => at > first);
    return next;
  }
}
