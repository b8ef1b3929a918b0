import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Store } from '../store/store.ts';
import type { RunLimits } from './run.ts';

export interface PurgingOptions {
  readonly store: Store;
  readonly limits: RunLimits;
  readonly logger: Logger;
  readonly onPurged: (threadIds: readonly string[]) => void;
}

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;
const FINISHED_RUNS_MS = 30 * DAY_MS;
const PROGRESS_MS = 600_000;
const BATCH = 500;

/** Removes from time to time what need not be kept: a little at once, on every process. */
export function startPurging({ store, limits, logger, onPurged }: PurgingOptions): {
  close(): void;
} {
  async function purge(): Promise<void> {
    try {
      const { threadIds } = await store.purge({
        ...(limits.retentionMs !== undefined && { idleThreadsMs: limits.retentionMs }),
        finishedRunsMs: FINISHED_RUNS_MS,
        progressMs: PROGRESS_MS,
        batch: BATCH,
      });
      if (threadIds.length > 0) {
        onPurged(threadIds);
        logger.info({ threads: threadIds.length }, 'threads past their retention were removed');
      }
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'cannot remove what is too old');
    }
  }

  // The jitter keeps processes that were started together from removing at the same moments.
  const timer = setInterval(() => void purge(), EVERY_MS * (0.8 + Math.random() * 0.4)).unref();
  return { close: () => clearInterval(timer) };
}
