import type { StoredFiles } from '../files/stored-files.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RunLimits } from './run-limits.ts';
import { inPieces } from './upkeep.ts';

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
const FINISHED_RUNS_MS = 30 * DAY_MS;
const PROGRESS_MS = 600_000;
const BATCH = 500;

/**
 * Removes what need not be kept any more, batch after batch until nothing is too old, or the signal
 * aborts.
 */
export async function removeOld(
  { store, files, limits, logger, threads }: RetentionOptions,
  signal: AbortSignal,
): Promise<void> {
  const ages = {
    ...(limits.retentionMs !== undefined && { idleThreadsMs: limits.retentionMs }),
    finishedRunsMs: FINISHED_RUNS_MS,
    progressMs: PROGRESS_MS,
    batch: BATCH,
  };
  let count = 0;
  const removeSome = async (): Promise<boolean> => {
    const { threadIds, more } = await store.purge(ages);
    threads.dropThreads(threadIds);
    count += threadIds.length;
    return more;
  };
  await inPieces(removeSome, signal);
  await files.eraseLeft(signal);
  if (count > 0) logger.info({ threads: count }, 'threads past their retention were removed');
}
