import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../errors/jims-error.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RunLimits } from './run.ts';

export interface PurgingOptions {
  readonly store: Pick<Store, 'purge'>;
  readonly limits: Pick<RunLimits, 'retentionMs'>;
  readonly logger: Logger;
  readonly onPurged: (threadIds: readonly string[]) => void;
}

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
const FINISHED_RUNS_MS = 30 * DAY_MS;
const PROGRESS_MS = 600_000;
const BATCH = 500;
/** How long it rests after each batch, by how long that took: others have most of the time. */
const REST = 4;
const MIN_REST_MS = 10;

/** Removes from time to time all that need not be kept any more, in small batches, on every process. */
export function startPurging(options: PurgingOptions): { close(): void } {
  const closing = new AbortController();
  let isBusy = false;

  async function purge(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    try {
      await purgeAll(options, closing.signal);
    } catch (error) {
      options.logger.warn({ error: describeError(error) }, 'cannot remove what is too old');
    } finally {
      isBusy = false;
    }
  }

  // The jitter keeps processes that were started together from removing at the same moments.
  const timer = setInterval(() => void purge(), EVERY_MS * (0.8 + Math.random() * 0.4)).unref();
  return {
    close() {
      clearInterval(timer);
      closing.abort();
    },
  };
}

/** Removes batch after batch until nothing is too old, or the signal aborts. */
export async function purgeAll(
  { store, limits: { retentionMs }, logger, onPurged }: PurgingOptions,
  signal: AbortSignal,
): Promise<void> {
  const limits = {
    ...(retentionMs !== undefined && { idleThreadsMs: retentionMs }),
    finishedRunsMs: FINISHED_RUNS_MS,
    progressMs: PROGRESS_MS,
    batch: BATCH,
  };
  let threads = 0;
  for (let more = true; more && !signal.aborted;) {
    const begun = performance.now();
    const purged = await store.purge(limits);
    onPurged(purged.threadIds);
    threads += purged.threadIds.length;
    more = purged.more;
    const restMs = Math.max(MIN_REST_MS, (performance.now() - begun) * REST);
    if (more) await sleep(restMs, undefined, { ref: false, signal }).catch(() => {});
  }
  if (threads > 0) logger.info({ threads }, 'threads past their retention were removed');
}
