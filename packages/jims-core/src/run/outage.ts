import { describeError } from '../errors/jims-error.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Work that is tried again and again: while it fails, the log says so once. */
export interface Outage {
  /** How often it has failed in a row. */
  readonly failures: number;
  failed(error: unknown): void;
  worked(): void;
}

/** `work` completes the sentences "cannot …" and "can … again". */
export function createOutage(logger: Logger, work: string): Outage {
  let failures = 0;
  let since = 0;
  return {
    get failures() {
      return failures;
    },
    failed(error) {
      if (failures++ > 0) return;
      since = performance.now();
      logger.warn({ error: describeError(error) }, `cannot ${work}`);
    },
    worked() {
      if (failures === 0) return;
      failures = 0;
      logger.info({ seconds: Math.round((performance.now() - since) / 1000) }, `can ${work} again`);
    },
  };
}

/** How long to wait after so many failures: twice as long each time, up to `lastMs`. */
export function pauseAfter(failures: number, firstMs: number, lastMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(failures, 16), lastMs);
}
