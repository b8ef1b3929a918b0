import { setTimeout as sleep } from 'node:timers/promises';

import type { Logger } from '../telemetry/logger.ts';
import { Outage, pauseAfter } from './outage.ts';

export interface UpkeepOptions {
  /** What there is to do now; it ends soon when the signal aborts. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  /** For the log: it completes the sentences "cannot …" and "can … again". */
  readonly task: string;
  readonly logger: Logger;
  /** About how long it waits before each time, and longer where it fails; default a minute. */
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;
/** Others have most of the time. */
const REST = 4;
/** From here on a process has hardly any time that nobody waits for. */
const BUSY = 0.9;
const MIN_REST_MS = 10;

/** Does from time to time what a database needs and no run waits for, on every process. */
export class UpkeepTimer {
  readonly #work: UpkeepOptions['work'];
  readonly #everyMs: number;
  readonly #outage: Outage;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor({ work, task, logger, everyMs = EVERY_MS }: UpkeepOptions) {
    this.#work = work;
    // The jitter keeps processes that were started together from working at the same moments.
    this.#everyMs = everyMs * (0.8 + Math.random() * 0.4);
    this.#outage = new Outage(logger, task);
  }

  start(): void {
    const lastMs = Math.max(this.#everyMs, EVERY_MS);
    const ms = pauseAfter(this.#outage.failures, this.#everyMs, lastMs);
    this.#timer = setTimeout(() => void this.#workNow(), ms).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closing.abort();
  }

  async #workNow(): Promise<void> {
    const { signal } = this.#closing;
    try {
      await this.#work(signal);
      this.#outage.worked();
    } catch (error) {
      if (!signal.aborted) this.#outage.failed(error);
    }
    if (!signal.aborted) this.start();
  }
}

/** How long it rests after a piece, in times of what the piece took. */
export interface Rest {
  readonly times: number;
  /** While this process is busy; default `times`. */
  readonly timesWhenBusy?: number;
}

/** Does piece after piece, and rests after each, until `piece` resolves with false or the signal aborts. */
export async function inPieces(
  piece: () => Promise<boolean>,
  signal: AbortSignal,
  { times, timesWhenBusy = times }: Rest = { times: REST },
): Promise<void> {
  let utilization = 0;
  while (!signal.aborted) {
    const begun = performance.now();
    if (!(await piece())) return;
    const took = performance.now() - begun;
    const restMs = Math.max(MIN_REST_MS, took * (utilization > BUSY ? timesWhenBusy : times));
    const before = performance.eventLoopUtilization();
    await sleep(restMs, undefined, { ref: false, signal }).catch(() => {});
    ({ utilization } = performance.eventLoopUtilization(before));
  }
}
