import type { DatabaseSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import { parseStoredObject } from '../json-text.ts';
import type { AcceptRequest, RunOutcomeRecord, RunOwner, RunStatus, StartedRun } from '../store.ts';
import { formatMicros } from '../timestamp.ts';
import { fromHex, toHex } from './uuid-hex.ts';

/** A run that waits or runs, as far as the store needs it to start or to end it. */
export interface ActiveRun extends StartedRun {
  readonly threadId: string;
  readonly status: 'queued' | 'running';
  readonly alive: boolean;
  /** How it ends when its turn comes, if nobody waits for it any more. */
  readonly withdrawn: Withdrawal | undefined;
  /** The incoming event, while it is not in the log yet. */
  readonly unstored: NewEvent | undefined;
}

type Withdrawal = Pick<RunOutcomeRecord, 'status' | 'error'>;

/** The rows of `jims_runs` and `jims_instances`. Writes are to be called inside a transaction. */
export interface RunRows {
  countActive(threadId: string): number;
  insert(request: AcceptRequest, row: InsertedRun): void;
  /** The run, when it is not over and this owner's. */
  owned(run: RunOwner): ActiveRun | undefined;
  next(threadId: string): ActiveRun | undefined;
  start(runId: string): void;
  markStored(runId: string): void;
  end(runId: string, outcome: RunOutcomeRecord): void;
  withdraw(runId: string, how: Withdrawal): void;
  statuses(runIds: readonly string[]): ReadonlyMap<string, RunStatus>;
  /** The running runs of dead processes; at most one of a thread. */
  runningOrphans(): readonly ActiveRun[];
  renewLease(instanceId: string, leaseMs: number): void;
  endLease(instanceId: string): void;
}

export interface InsertedRun {
  readonly threadId: string;
  readonly status: 'queued' | 'running';
  readonly createdThread: boolean;
  readonly stored: boolean;
}

type ActiveRow = [
  runId: string,
  threadId: string,
  instanceId: string,
  status: 'queued' | 'running',
  alive: number,
  withdrawn: string | null,
  incomingId: string | null,
  incomingType: string | null,
  incomingData: string | null,
];

const ACTIVE = `
SELECT r.run_id, r.thread_id, r.instance_id, r.status, coalesce(i.lease_until > ?1, 0), r.withdrawn,
       iif(r.incoming_stored, NULL, r.incoming_id), r.incoming_type, r.incoming_data
FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)`;

export function runRows(db: DatabaseSync): RunRows {
  const countActive = db.prepare(
    `SELECT (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'running')
          + (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'queued')`,
  );
  const insert = db.prepare(
    `INSERT INTO jims_runs (run_id, thread_id, status, instance_id, created_thread, incoming_id,
       incoming_type, incoming_data, incoming_stored, accepted_at, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const owned = db.prepare(
    `${ACTIVE} WHERE r.run_id = ?2 AND r.instance_id = ?3 AND r.status IN ('queued', 'running')`,
  );
  const next = db.prepare(
    `${ACTIVE} WHERE r.thread_id = ?2 AND r.status = 'queued' ORDER BY r.ticket LIMIT 1`,
  );
  const start = db.prepare(
    `UPDATE jims_runs SET status = 'running', started_at = ? WHERE run_id = ?`,
  );
  const markStored = db.prepare('UPDATE jims_runs SET incoming_stored = 1 WHERE run_id = ?');
  const end = db.prepare(
    `UPDATE jims_runs SET status = ?, output_ids = ?, error = ?, finished_at = ?, incoming_stored = 1
     WHERE run_id = ?`,
  );
  const withdraw = db.prepare('UPDATE jims_runs SET withdrawn = ? WHERE run_id = ?');
  const statusOf = db.prepare('SELECT status FROM jims_runs WHERE run_id = ?');
  const orphans = db.prepare(
    `${ACTIVE} WHERE r.status = 'running' AND coalesce(i.lease_until, 0) <= ?1`,
  );
  const renewLease = db.prepare(
    `INSERT INTO jims_instances (instance_id, lease_until) VALUES (?1, ?2)
     ON CONFLICT (instance_id) DO UPDATE SET lease_until = ?2`,
  );
  const endLease = db.prepare('DELETE FROM jims_instances WHERE instance_id = ?');
  for (const statement of [countActive, owned, next, statusOf, orphans]) {
    statement.setReturnArrays(true);
  }

  return {
    countActive: (threadId) => Number(cell(countActive.get(toHex(threadId)))),
    insert({ runId, instanceId, incoming }, { threadId, status, createdThread, stored }) {
      const time = now();
      insert.run(
        runId,
        toHex(threadId),
        status,
        instanceId,
        Number(createdThread),
        incoming ? toHex(incoming.id) : null,
        incoming?.type ?? null,
        incoming ? JSON.stringify(incoming.data) : null,
        Number(stored),
        time,
        status === 'running' ? time : null,
      );
    },
    owned: (run) => toActive(owned.get(Date.now(), run.runId, run.instanceId)),
    next: (threadId) => toActive(next.get(Date.now(), toHex(threadId))),
    start: (runId) => void start.run(now(), runId),
    markStored: (runId) => void markStored.run(runId),
    end(runId, { status, events, error }) {
      const ids = JSON.stringify(events.map((event) => event.id));
      end.run(status, ids, error ? JSON.stringify(error) : null, now(), runId);
    },
    statuses(runIds) {
      const found = new Map<string, RunStatus>();
      for (const runId of runIds) {
        const status = cell(statusOf.get(runId));
        if (typeof status === 'string') found.set(runId, status as RunStatus);
      }
      return found;
    },
    withdraw: (runId, { status, error }) =>
      void withdraw.run(JSON.stringify({ status, error }), runId),
    runningOrphans: () => orphans.all(Date.now()).map((row) => toActiveRun(row)),
    renewLease: (instanceId, leaseMs) => void renewLease.run(instanceId, Date.now() + leaseMs),
    endLease: (instanceId) => void endLease.run(instanceId),
  };
}

function now(): string {
  return formatMicros(Date.now() * 1000);
}

function cell(row: unknown): unknown {
  return Array.isArray(row) ? row[0] : undefined;
}

function toActive(row: unknown): ActiveRun | undefined {
  return row === undefined ? undefined : toActiveRun(row);
}

function toActiveRun(row: unknown): ActiveRun {
  const [runId, threadId, instanceId, status, alive, withdrawn, id, type, data] = row as ActiveRow;
  const unstored =
    id !== null && type !== null
      ? { id: fromHex(id), type, data: parseStoredObject(data) }
      : undefined;
  return {
    runId,
    threadId: fromHex(threadId),
    instanceId,
    status,
    alive: alive === 1,
    withdrawn: withdrawn === null ? undefined : (JSON.parse(withdrawn) as Withdrawal),
    unstored,
  };
}
