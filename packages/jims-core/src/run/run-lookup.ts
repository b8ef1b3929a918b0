import type { Logger } from '../logger.ts';
import type { RunRecord, Store } from '../store/store.ts';
import { followRun } from './follow-run.ts';
import { fromProgress } from './progress.ts';
import type { Run } from './run.ts';
import { endOfRecord, storedRun } from './stored-run.ts';

export interface RunLookupOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** A run that this process has in memory. */
  readonly here: (runId: string) => Run | undefined;
  /** Ends all following. */
  readonly signal: AbortSignal;
}

/** Finds a run wherever it is: in this process, in another one, or over and kept by the store. */
export function createRunLookup(
  options: RunLookupOptions,
): (runId: string) => Promise<Run | undefined> {
  const { store, logger, here, signal } = options;
  /** Runs of other processes, each read once for all who listen to it here. */
  const followed = new Map<string, Run>();

  function follow(record: RunRecord): Run {
    const { runId } = record;
    const cancel = (): void => void store.requestCancel(runId).catch(() => {});
    const run = followed.get(runId) ?? followRun(record, { store, logger, signal, cancel });
    followed.set(runId, run);
    void run.end.then(() => followed.delete(runId));
    return run;
  }

  return async (runId) => {
    const own = here(runId) ?? followed.get(runId);
    if (own) return own;
    const record = await store.run(runId);
    if (!record) return undefined;
    const end = endOfRecord(record);
    if (end) {
      const told = await store.readProgress(runId, 0);
      return storedRun(record, end, told.flatMap(fromProgress));
    }
    return follow(record);
  };
}
