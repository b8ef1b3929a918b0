/** Lets one log line through in so many milliseconds, and counts the ones that it keeps back. */
export class RepeatLimit {
  readonly #everyMs: number;
  #since = -Infinity;
  #suppressed = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** The fields of a line that is due: how many were kept back before it; `undefined` when it is not. */
  pass(): { readonly suppressed?: number } | undefined {
    const now = performance.now();
    if (now - this.#since < this.#everyMs) {
      this.#suppressed++;
      return undefined;
    }
    const suppressed = this.#suppressed;
    this.#since = now;
    this.#suppressed = 0;
    return suppressed > 0 ? { suppressed } : {};
  }
}
