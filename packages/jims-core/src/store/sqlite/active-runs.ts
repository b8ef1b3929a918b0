import type { DatabaseSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import type { RunOwner, StartedRun } from '../store.ts';
import { cell } from './columns.ts';
import { leaseClock } from './instances.ts';
import type { Withdrawal } from './runs.ts';
import { parseStoredObject } from './stored-json.ts';
import { fromHex, toHex } from './uuid-hex.ts';

/** A run that waits or runs, as far as the store needs it to start or to end it. */
export interface ActiveRun extends StartedRun {
  readonly threadId: string;
  readonly attempt: number;
  readonly status: 'queued' | 'running';
  /** How it ends when its turn comes, if nobody waits for it any more. */
  readonly withdrawn: Withdrawal | undefined;
  /** The incoming event, while it is not in the log yet. */
  readonly unstored: NewEvent | undefined;
}

/** A run whose turn it is. */
export interface NextRun extends ActiveRun {
  /** Whether its process lives. */
  readonly alive: boolean;
}

/** What is read of the rows of `jims_runs` that are not over. */
export interface ActiveRuns {
  /** How many run and wait in a thread. */
  count(threadId: string): number;
  in(threadId: string): readonly StartedRun[];
  byId(runId: string): ActiveRun | undefined;
  next(threadId: string): NextRun | undefined;
  /** Runs of dead processes that hold up a thread. */
  orphans(): readonly ActiveRun[];
}

type ActiveRow = [
  runId: string,
  threadId: string,
  instanceId: string,
  attempt: number,
  status: 'queued' | 'running',
  withdrawn: string | null,
  incomingType: string | null,
  incomingData: string | null,
];

/** The columns of an {@link ActiveRow}. */
const ACTIVE = `r.run_id, r.thread_id, r.instance_id, r.attempt, r.status, r.withdrawn,
       r.incoming_type, r.incoming_data`;

export function activeRuns(db: DatabaseSync): ActiveRuns {
  const count = db.prepare(
    `SELECT (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'running')
          + (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'queued')`,
  );
  const active = db.prepare(
    `SELECT ${ACTIVE} FROM jims_runs r WHERE r.run_id = ? AND r.status IN ('queued', 'running')`,
  );
  const next = db.prepare(
    `SELECT coalesce(i.lease_until > ?1, 0), ${ACTIVE}
     FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.thread_id = ?2 AND r.status = 'queued' ORDER BY r.ticket LIMIT 1`,
  );
  // One look for each status, as each has an index of its own.
  const activeIn = db.prepare(
    `SELECT run_id, instance_id FROM jims_runs WHERE thread_id = ?1 AND status = 'running'
     UNION ALL
     SELECT run_id, instance_id FROM jims_runs WHERE thread_id = ?1 AND status = 'queued'`,
  );
  const orphans = db.prepare(
    `SELECT ${ACTIVE} FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.status = 'running' AND coalesce(i.lease_until, 0) <= ?`,
  );
  for (const statement of [count, active, next, activeIn, orphans]) {
    statement.setReturnArrays(true);
  }

  return {
    count: (threadId) => Number(cell(count.get(toHex(threadId)))),
    byId(runId) {
      const row = active.get(toHex(runId));
      return row && toActive(row as unknown as ActiveRow);
    },
    next(threadId) {
      const row = next.get(leaseClock(), toHex(threadId));
      if (row === undefined) return undefined;
      const [alive, ...run] = row as unknown as [number, ...ActiveRow];
      return { ...toActive(run), alive: alive === 1 };
    },
    in: (threadId) =>
      activeIn.all(toHex(threadId)).map((row) => {
        const [runId, instanceId] = row as unknown as [string, string];
        return { runId: fromHex(runId), instanceId };
      }),
    orphans: () => orphans.all(leaseClock()).map((row) => toActive(row as unknown as ActiveRow)),
  };
}

/** The run, when it is not over and this owner's. */
export function ownedRun(
  runs: ActiveRuns,
  { runId, instanceId, attempt }: RunOwner,
): ActiveRun | undefined {
  const run = runs.byId(runId);
  return run?.instanceId === instanceId && run.attempt === attempt ? run : undefined;
}

function toActive(row: ActiveRow): ActiveRun {
  const [run, threadId, instanceId, attempt, status, withdrawn, type, data] = row;
  const runId = fromHex(run);
  return {
    runId,
    threadId: fromHex(threadId),
    instanceId,
    attempt,
    status,
    withdrawn: withdrawn === null ? undefined : (JSON.parse(withdrawn) as Withdrawal),
    unstored: type === null ? undefined : { id: runId, type, data: parseStoredObject(data) },
  };
}
