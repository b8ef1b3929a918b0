import type { DatabaseSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import { parseStoredObject } from '../json-text.ts';
import type { AcceptRequest, RunOutcomeRecord, RunOwner, StartedRun } from '../store.ts';
import { cell, jsonOrNull, storedNow } from './columns.ts';
import { leaseClock } from './instances.ts';
import { fromHex, toHex } from './uuid-hex.ts';

/** A run that waits or runs, as far as the store needs it to start or to end it. */
export interface ActiveRun extends StartedRun {
  readonly threadId: string;
  readonly attempt: number;
  readonly status: 'queued' | 'running';
  readonly alive: boolean;
  /** How it ends when its turn comes, if nobody waits for it any more. */
  readonly withdrawn: Withdrawal | undefined;
  /** The incoming event, while it is not in the log yet. */
  readonly unstored: NewEvent | undefined;
}

export type Withdrawal = Omit<RunOutcomeRecord, 'events'>;

/** The rows of `jims_runs` that are not over. Writes are to be called inside a transaction. */
export interface RunRows {
  countActive(threadId: string): number;
  insert(request: AcceptRequest, row: InsertedRun): void;
  /** Gives a lost run to a process once more, at the end of its thread's line. */
  revive(runId: string, instanceId: string, status: 'queued' | 'running'): void;
  active(runId: string): ActiveRun | undefined;
  next(threadId: string): ActiveRun | undefined;
  start(runId: string): void;
  markStored(runId: string): void;
  markStarted(runId: string, events: readonly NewEvent[]): void;
  end(runId: string, outcome: RunOutcomeRecord): void;
  withdraw(runId: string, how: Withdrawal): void;
  requestCancel(runId: string): void;
  activeIn(threadId: string): readonly StartedRun[];
  /** Runs of dead processes that hold up a thread. */
  orphans(): readonly ActiveRun[];
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
  attempt: number,
  status: 'queued' | 'running',
  alive: number,
  withdrawn: string | null,
  incomingId: string | null,
  incomingType: string | null,
  incomingData: string | null,
];

const COLUMNS = `
SELECT r.run_id, r.thread_id, r.instance_id, r.attempt, r.status,
       coalesce(i.lease_until > ?1, 0), r.withdrawn, iif(r.incoming_stored, NULL, r.incoming_id),
       r.incoming_type, r.incoming_data`;
const ACTIVE = `${COLUMNS} FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)`;

export function runRows(db: DatabaseSync): RunRows {
  const countActive = db.prepare(
    `SELECT (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'running')
          + (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'queued')`,
  );
  const insert = db.prepare(
    `INSERT INTO jims_runs (run_id, thread_id, status, instance_id, key_scope, key, fingerprint,
       created_thread, incoming_id, incoming_type, incoming_data, incoming_stored, accepted_at,
       started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const revive = db.prepare(
    `UPDATE jims_runs SET ticket = (SELECT max(ticket) + 1 FROM jims_runs), status = ?2,
       instance_id = ?3, attempt = attempt + 1, withdrawn = NULL, cancel_requested = 0, error = NULL,
       output_ids = NULL, usage = NULL, last_seq = NULL, finished_at = NULL,
       started_at = iif(?2 = 'running', ?4, NULL)
     WHERE run_id = ?1`,
  );
  const active = db.prepare(`${ACTIVE} WHERE r.run_id = ?2 AND r.status IN ('queued', 'running')`);
  // Named, as the planner would look through all runs that the thread ever had.
  const next = db.prepare(
    `${COLUMNS} FROM jims_runs r INDEXED BY jims_runs_queued
     LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.thread_id = ?2 AND r.status = 'queued' ORDER BY r.ticket LIMIT 1`,
  );
  const start = db.prepare(
    `UPDATE jims_runs SET status = 'running', started_at = ? WHERE run_id = ?`,
  );
  const markStored = db.prepare('UPDATE jims_runs SET incoming_stored = 1 WHERE run_id = ?');
  const markStarted = db.prepare('UPDATE jims_runs SET start_ids = ? WHERE run_id = ?');
  const end = db.prepare(
    `UPDATE jims_runs SET status = ?, output_ids = ?, error = ?, usage = ?, last_seq = ?,
       finished_at = ?, incoming_stored = 1
     WHERE run_id = ?`,
  );
  const withdraw = db.prepare('UPDATE jims_runs SET withdrawn = ? WHERE run_id = ?');
  const requestCancel = db.prepare(
    `UPDATE jims_runs SET cancel_requested = 1 WHERE run_id = ? AND status IN ('queued', 'running')`,
  );
  // One look for each status, as each has an index of its own.
  const activeIn = db.prepare(
    `SELECT run_id, instance_id FROM jims_runs WHERE thread_id = ?1 AND status = 'running'
     UNION ALL
     SELECT run_id, instance_id FROM jims_runs WHERE thread_id = ?1 AND status = 'queued'`,
  );
  const orphans = db.prepare(
    `${ACTIVE} WHERE r.status = 'running' AND coalesce(i.lease_until, 0) <= ?1`,
  );
  for (const statement of [countActive, active, next, activeIn, orphans]) {
    statement.setReturnArrays(true);
  }

  return {
    countActive: (threadId) => Number(cell(countActive.get(toHex(threadId)))),
    insert(
      { runId, instanceId, incoming, idempotency },
      { threadId, status, createdThread, stored },
    ) {
      const time = storedNow();
      insert.run(
        runId,
        toHex(threadId),
        status,
        instanceId,
        idempotency?.scope ?? null,
        idempotency?.key ?? null,
        idempotency?.fingerprint ?? null,
        Number(createdThread),
        incoming ? toHex(incoming.id) : null,
        incoming?.type ?? null,
        incoming ? JSON.stringify(incoming.data) : null,
        Number(stored),
        time,
        status === 'running' ? time : null,
      );
    },
    revive: (runId, instanceId, status) => void revive.run(runId, status, instanceId, storedNow()),
    active: (runId) => toActive(active.get(leaseClock(), runId)),
    next: (threadId) => toActive(next.get(leaseClock(), toHex(threadId))),
    start: (runId) => void start.run(storedNow(), runId),
    markStored: (runId) => void markStored.run(runId),
    markStarted: (runId, events) => void markStarted.run(idList(events), runId),
    end(runId, { status, events, error, usage, lastSeq }) {
      const facts = [jsonOrNull(error), jsonOrNull(usage), lastSeq || null] as const;
      end.run(status, idList(events), ...facts, storedNow(), runId);
    },
    withdraw: (runId, { status, error, lastSeq }) =>
      void withdraw.run(JSON.stringify({ status, error, lastSeq }), runId),
    requestCancel: (runId) => void requestCancel.run(runId),
    activeIn: (threadId) =>
      activeIn.all(toHex(threadId)).map((row) => {
        const [runId, instanceId] = row as unknown as [string, string];
        return { runId, instanceId };
      }),
    orphans: () => orphans.all(leaseClock()).map((row) => toActiveRun(row)),
  };
}

/** The run, when it is not over and this owner's. */
export function ownedRun(
  runs: RunRows,
  { runId, instanceId, attempt }: RunOwner,
): ActiveRun | undefined {
  const run = runs.active(runId);
  return run?.instanceId === instanceId && run.attempt === attempt ? run : undefined;
}

function idList(events: readonly NewEvent[]): string {
  return JSON.stringify(events.map((event) => event.id));
}

function toActive(row: unknown): ActiveRun | undefined {
  return row === undefined ? undefined : toActiveRun(row);
}

function toActiveRun(row: unknown): ActiveRun {
  const [runId, threadId, instanceId, attempt, status, alive, withdrawn, ...incoming] =
    row as ActiveRow;
  const [id, type, data] = incoming;
  const unstored =
    id !== null && type !== null
      ? { id: fromHex(id), type, data: parseStoredObject(data) }
      : undefined;
  return {
    runId,
    threadId: fromHex(threadId),
    instanceId,
    attempt,
    status,
    alive: alive === 1,
    withdrawn: withdrawn === null ? undefined : (JSON.parse(withdrawn) as Withdrawal),
    unstored,
  };
}
