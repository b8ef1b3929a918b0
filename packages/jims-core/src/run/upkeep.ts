import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../errors/jims-error.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface UpkeepOptions {
  /** What there is to do now; it ends soon when the signal aborts. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
  /** What the log says when the work fails. */
  readonly problem: string;
  /** About how long it waits before each time; default a minute. */
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;
/** Others have most of the time. */
const REST = 4;
const MIN_REST_MS = 10;

/** Does from time to time what a database needs and no run waits for, on every process. */
export class UpkeepTimer {
  readonly #options: UpkeepOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  start(): void {
    // The jitter keeps processes that were started together from working at the same moments.
    const { everyMs = EVERY_MS } = this.#options;
    const ms = everyMs * (0.8 + Math.random() * 0.4);
    this.#timer = setInterval(() => void this.#workNow(), ms).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
  }

  async #workNow(): Promise<void> {
    const { work, logger, problem } = this.#options;
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await work(this.#closing.signal);
    } catch (error) {
      logger.warn({ error: describeError(error) }, problem);
    } finally {
      this.#isBusy = false;
    }
  }
}

/**
 * Does piece after piece until `piece` resolves with false or the signal aborts. It rests after each, `rest` times
 * as long as that took.
 */
export async function inPieces(
  piece: () => Promise<boolean>,
  signal: AbortSignal,
  rest: number = REST,
): Promise<void> {
  for (let more = true; more && !signal.aborted;) {
    const begun = performance.now();
    more = await piece();
    const restMs = Math.max(MIN_REST_MS, (performance.now() - begun) * rest);
    if (more) await sleep(restMs, undefined, { ref: false, signal }).catch(() => {});
  }
}
