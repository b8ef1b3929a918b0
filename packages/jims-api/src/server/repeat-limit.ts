/** Lets one log line through in so many milliseconds, and counts those that it suppresses. */
export class RepeatLimit {
  readonly #everyMs: number;
  #since = -Infinity;
  #suppressed = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Returns the fields of a line that is due: how many were suppressed before it. Else `undefined`. */
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
