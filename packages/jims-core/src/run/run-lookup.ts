import type { RunRecord, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createFollowing } from './follow-runs.ts';
import type { LiveRuns } from './live-runs.ts';
import { fromProgress } from './progress.ts';
import { createReadRuns } from './read-runs.ts';
import type { NumberedRunEvent, RunEnd } from './run-events.ts';
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
  const following = createFollowing({ store, logger, signal });

  async function find(runId: string): Promise<Run | undefined> {
    const own = live.find(runId) ?? following.find(runId) ?? read.get(runId);
    const attempt = store.shared ? live.attemptOf(runId) : undefined;
    if (own && attempt === undefined) return own;
    const record = await store.run(runId);
    // A process that was taken for dead may not know yet that another one runs it again.
    if (own && (!record || record.attempt === attempt)) return own;
    if (!record) return undefined;
    const end = endOfRecord(record);
    if (!end) return following.follow(record);
    const run = storedRun(record, end, await progressOf(record));
    if (isFinal(end)) read.add(run);
    return run;
  }

  async function progressOf({ runId, attempt }: RunRecord): Promise<readonly NumberedRunEvent[]> {
    const [news] = await store.readProgress([{ runId, attempt, afterSeq: 0 }]);
    // It may run again by now: that is another story.
    if (news?.attempt !== attempt) return [];
    return news.progress.flatMap((progress) => fromProgress(progress, attempt));
  }

  return { find, dropThread: (threadId) => read.dropThread(threadId) };
}

/** Whether it can never run again. */
function isFinal(end: RunEnd): boolean {
  if (end.type === 'cancelled') return end.reason === 'cancelled' || end.reason === 'interrupted';
  return end.type === 'result';
}
