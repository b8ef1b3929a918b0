import type { Logger } from '../logger.ts';
import type { RunRecord, Store } from '../store/store.ts';
import { followRun } from './follow-run.ts';
import type { LiveRuns } from './live-runs.ts';
import { fromProgress } from './progress.ts';
import { createReadRuns } from './read-runs.ts';
import type { RunEnd } from './run-events.ts';
import type { Run } from './run.ts';
import { endOfRecord, storedRun } from './stored-run.ts';

export interface RunLookupOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** What this process runs, as far as it knows. */
  readonly live: Pick<LiveRuns, 'find' | 'attemptOf'>;
  /** Ends all following. */
  readonly signal: AbortSignal;
}

export interface RunLookup {
  /** Finds a run wherever it is: in this process, in another one, or over and kept by the store. */
  readonly find: (runId: string) => Promise<Run | undefined>;
  dropThread(threadId: string): void;
}

export function createRunLookup({ store, logger, live, signal }: RunLookupOptions): RunLookup {
  const read = createReadRuns();
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

  async function find(runId: string): Promise<Run | undefined> {
    const own = live.find(runId) ?? followed.get(runId) ?? read.get(runId);
    const attempt = store.shared ? live.attemptOf(runId) : undefined;
    if (own && attempt === undefined) return own;
    const record = await store.run(runId);
    // A process that was taken for dead may not know yet that another one runs it again.
    if (own && (!record || record.attempt === attempt)) return own;
    if (!record) return undefined;
    const end = endOfRecord(record);
    if (end) {
      const told = await store.readProgress(runId, 0);
      const run = storedRun(record, end, told.flatMap(fromProgress));
      if (isFinal(end)) read.add(run);
      return run;
    }
    return follow(record);
  }

  return { find, dropThread: (threadId) => read.dropThread(threadId) };
}

/** Whether it can never run again. */
function isFinal(end: RunEnd): boolean {
  return end.type === 'result' || (end.type === 'cancelled' && end.reason !== 'shutting_down');
}
