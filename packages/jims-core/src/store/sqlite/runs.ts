import type { DatabaseSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import type { AcceptRequest, RunOutcomeRecord } from '../store.ts';
import { jsonOrNull, storedNow } from './columns.ts';
import { toHex } from './uuid-hex.ts';

/** What writes the rows of `jims_runs`. To be called inside a transaction. */
export interface RunRows {
  insert(request: AcceptRequest, row: InsertedRun): void;
  /** Gives a lost run to a process once more, at the end of its thread's line. */
  revive(runId: string, instanceId: string, status: 'queued' | 'running'): void;
  start(runId: string): void;
  markStored(runId: string): void;
  markStarted(runId: string, events: readonly NewEvent[]): void;
  end(runId: string, outcome: RunOutcomeRecord): void;
  withdraw(runId: string, how: Withdrawal): void;
  requestCancel(runId: string): void;
}

/** How a run ends when its turn comes, as nobody waits for it any more. */
export type Withdrawal = Omit<RunOutcomeRecord, 'events'>;

export interface InsertedRun {
  readonly threadId: string;
  readonly status: 'queued' | 'running';
  readonly createdThread: boolean;
  readonly stored: boolean;
}

export function runRows(db: DatabaseSync): RunRows {
  const insert = db.prepare(
    `INSERT INTO jims_runs (run_id, thread_id, status, instance_id, key_scope, key, fingerprint,
       created_thread, incoming_stored, incoming_type, incoming_data, accepted_at, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const revive = db.prepare(
    `UPDATE jims_runs SET ticket = (SELECT max(ticket) + 1 FROM jims_runs), status = ?2,
       instance_id = ?3, attempt = attempt + 1, withdrawn = NULL, cancel_requested = 0, error = NULL,
       output_ids = NULL, usage = NULL, last_seq = NULL, finished_at = NULL,
       started_at = iif(?2 = 'running', ?4, NULL)
     WHERE run_id = ?1`,
  );
  const start = db.prepare(
    `UPDATE jims_runs SET status = 'running', started_at = ? WHERE run_id = ?`,
  );
  const markStored = db.prepare(
    `UPDATE jims_runs SET incoming_stored = 1, incoming_type = NULL, incoming_data = NULL
     WHERE run_id = ? AND incoming_type IS NOT NULL`,
  );
  const markStarted = db.prepare('UPDATE jims_runs SET start_ids = ? WHERE run_id = ?');
  const end = db.prepare(
    `UPDATE jims_runs SET status = ?, output_ids = ?, error = ?, usage = ?, last_seq = ?,
       finished_at = ?
     WHERE run_id = ?`,
  );
  const withdraw = db.prepare('UPDATE jims_runs SET withdrawn = ? WHERE run_id = ?');
  const requestCancel = db.prepare(
    `UPDATE jims_runs SET cancel_requested = 1 WHERE run_id = ? AND status IN ('queued', 'running')`,
  );

  return {
    insert(
      { runId, instanceId, incoming, idempotency },
      { threadId, status, createdThread, stored },
    ) {
      const time = storedNow();
      const waiting = stored ? undefined : incoming;
      insert.run(
        toHex(runId),
        toHex(threadId),
        status,
        instanceId,
        idempotency?.scope ?? null,
        idempotency?.key ?? null,
        idempotency?.fingerprint ?? null,
        Number(createdThread),
        Number(stored),
        waiting?.type ?? null,
        jsonOrNull(waiting?.data),
        time,
        status === 'running' ? time : null,
      );
    },
    revive: (runId, instanceId, status) =>
      void revive.run(toHex(runId), status, instanceId, storedNow()),
    start: (runId) => void start.run(storedNow(), toHex(runId)),
    markStored: (runId) => void markStored.run(toHex(runId)),
    markStarted: (runId, events) => void markStarted.run(idList(events), toHex(runId)),
    end(runId, { status, events, error, usage, lastSeq }) {
      const facts = [jsonOrNull(error), jsonOrNull(usage), lastSeq || null] as const;
      end.run(status, idList(events), ...facts, storedNow(), toHex(runId));
    },
    withdraw: (runId, { status, error, lastSeq }) =>
      void withdraw.run(JSON.stringify({ status, error, lastSeq }), toHex(runId)),
    requestCancel: (runId) => void requestCancel.run(toHex(runId)),
  };
}

function idList(events: readonly NewEvent[]): string {
  return JSON.stringify(events.map((event) => event.id));
}
