import { describeError } from '../errors/jims-error.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Work that is repeated although it fails: the log says once that it fails, and once that it works again. */
export class Outage {
  readonly #logger: Logger;
  readonly #work: string;
  #failures = 0;
  #since = 0;

  /** `work` completes the sentences "cannot …" and "can … again". */
  constructor(logger: Logger, work: string) {
    this.#logger = logger;
    this.#work = work;
  }

  /** How often it has failed in a row. */
  get failures(): number {
    return this.#failures;
  }

  failed(error: unknown): void {
    if (this.#failures++ > 0) return;
    this.#since = performance.now();
    this.#logger.warn({ error: describeError(error) }, `cannot ${this.#work}`);
  }

  worked(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    const seconds = Math.round((performance.now() - this.#since) / 1000);
    this.#logger.info({ seconds }, `can ${this.#work} again`);
  }
}

/**
 * How long to wait after so many failures in a row: twice as long each time, up to `lastMs`.
 *
 * @example
 * pauseAfter(3, 200, 5000); // 1600
 */
export function pauseAfter(failures: number, firstMs: number, lastMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures, 16), lastMs);
}
