import { untracedRun } from '../run/trace/untraced-run.ts';
import type { RunRecord } from '../store/store.ts';
import type { KeptTrace } from '../telemetry/trace.ts';
import type { Opened } from './open-app.ts';

/** What happened in one attempt of a run; see `AppRuns.trace`. */
export interface RunTrace extends Omit<KeptTrace, 'runId' | 'threadId'> {
  /** What the store has of the run. */
  readonly record: RunRecord;
  /** The attempts whose traces are kept. */
  readonly attempts: readonly number[];
  /** Whether it was traced; else this is only what the database has. */
  readonly isKept: boolean;
}

/** The trace of a run; `undefined` for an unknown run, and for an attempt that is not kept. */
export async function runTrace(
  { store, traces }: Pick<Opened, 'store' | 'traces'>,
  runId: string,
  attempt: number | undefined,
): Promise<RunTrace | undefined> {
  // First: a thread that is erased has no traces.
  const record = await store.run(runId);
  if (!record) return undefined;
  const found = await traces?.find(runId, attempt);
  if (found) return { ...found.trace, record, attempts: found.attempts, isKept: true };
  if (attempt !== undefined && attempt !== record.attempt) return undefined;
  const trace = await untracedRun(store, record);
  return { ...trace, record, attempts: [], isKept: false };
}
