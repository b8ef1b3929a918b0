import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../errors/jims-error.ts';
import type { StoredFiles } from '../files/stored-files.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RunLimits } from './run-limits.ts';

/** What a process has in memory of threads. */
export interface KnownThreads {
  dropThreads(threadIds: readonly string[]): void;
}

export interface RetentionOptions {
  readonly store: Pick<Store, 'purge'>;
  /** What is removed here is only found in the store. */
  readonly files: Pick<StoredFiles, 'eraseLeft'>;
  readonly limits: Pick<RunLimits, 'retentionMs'>;
  readonly logger: Logger;
  readonly threads: KnownThreads;
}

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
const FINISHED_RUNS_MS = 30 * DAY_MS;
const PROGRESS_MS = 600_000;
const BATCH = 500;
/** How long it rests after each batch, by how long that took: others have most of the time. */
const REST = 4;
const MIN_REST_MS = 10;

/** Removes from time to time what need not be kept any more, in small batches, on every process. */
export class RetentionTimer {
  readonly #options: RetentionOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    // The jitter keeps processes that were started together from removing at the same moments.
    const ms = EVERY_MS * (0.8 + Math.random() * 0.4);
    this.#timer = setInterval(() => void this.#purgeNow(), ms).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
  }

  /** Removes batch after batch until nothing is too old, or it is closed. */
  async purge(): Promise<void> {
    const { store, limits, logger, threads } = this.#options;
    const { signal } = this.#closing;
    const ages = {
      ...(limits.retentionMs !== undefined && { idleThreadsMs: limits.retentionMs }),
      finishedRunsMs: FINISHED_RUNS_MS,
      progressMs: PROGRESS_MS,
      batch: BATCH,
    };
    let count = 0;
    for (let more = true; more && !signal.aborted;) {
      const begun = performance.now();
      const purged = await store.purge(ages);
      threads.dropThreads(purged.threadIds);
      count += purged.threadIds.length;
      more = purged.more;
      const restMs = Math.max(MIN_REST_MS, (performance.now() - begun) * REST);
      if (more) await sleep(restMs, undefined, { ref: false, signal }).catch(() => {});
    }
    await this.#options.files.eraseLeft(signal);
    if (count > 0) logger.info({ threads: count }, 'threads past their retention were removed');
  }

  async #purgeNow(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.purge();
    } catch (error) {
      const { logger } = this.#options;
      logger.warn({ error: describeError(error) }, 'cannot remove what is too old');
    } finally {
      this.#isBusy = false;
    }
  }
}
