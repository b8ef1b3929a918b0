import { whenDrained } from './drained.ts';

/**
 * Does one thing after the other, each when everything has been done that the one before led to at once.
 * Asking it to go on while it goes on is enough: it looks again.
 */
export class Pump {
  readonly #goOn: () => boolean;
  #isGoing = false;
  #goesAgain = false;

  /** @param goOn Does one thing; returns whether there may be more to do. */
  constructor(goOn: () => boolean) {
    this.#goOn = goOn;
  }

  go(): void {
    this.#goesAgain = true;
    if (this.#isGoing) return;
    this.#isGoing = true;
    whenDrained(this.#next);
  }

  readonly #next = (): void => {
    this.#goesAgain = false;
    const hasMore = this.#goOn();
    this.#isGoing = hasMore || this.#goesAgain;
    if (this.#isGoing) whenDrained(this.#next);
  };
}
