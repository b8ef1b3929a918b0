import { SlowAnswerError } from './provider-failure.ts';

/** Node's timers fire at once when they are given more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Ends work during which nothing arrives for too long. */
export class TimeLimit {
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param ms Milliseconds; `Infinity` never ends anything. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Something arrived: the time begins again. */
  readonly alive = (): void => {
    this.#timer?.refresh();
  };

  /** Does `work` with a signal that aborts when the time is over. Rejects with a SlowAnswerError then. */
  within<T>(signal: AbortSignal, work: (signal: AbortSignal) => PromiseLike<T>): Promise<T> {
    const over = new AbortController();
    const limited = AbortSignal.any([signal, over.signal]);
    return this.wait(work(limited), () => over.abort());
  }

  /** Waits for what is under way. Rejects with a SlowAnswerError when the time is over. */
  async wait<T>(work: PromiseLike<T>, onOver?: () => void): Promise<T> {
    if (this.#ms > LONGEST_TIMER_MS) return work;
    const slow = Promise.withResolvers<never>();
    this.#timer = setTimeout(() => {
      slow.reject(new SlowAnswerError(`nothing came within ${this.#ms} ms`));
      onOver?.();
    }, this.#ms);
    try {
      return await Promise.race([work, slow.promise]);
    } finally {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}
