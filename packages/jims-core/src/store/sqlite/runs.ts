import type { DatabaseSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import type { AcceptRequest, RunOutcomeRecord, RunOwner, StartedRun } from '../store.ts';
import { fromHex, jsonOrNull, parseStoredObject, storedNow, toHex } from './columns.ts';
import { leaseClock } from './instances.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

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

/** The first run in the queue of a thread. */
export interface NextRun extends ActiveRun {
  /** Whether its process lives. */
  readonly alive: boolean;
}

/** How a queued run ends when its turn comes, because nobody waits for it any more. */
export type Withdrawal = Omit<RunOutcomeRecord, 'events'>;

export interface InsertedRun {
  readonly threadId: string;
  readonly status: 'queued' | 'running';
  readonly createdThread: boolean;
  /** Whether its incoming event is in the log. */
  readonly stored: boolean;
}

type ActiveRow = readonly [
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

// A thread's active runs are sought once for each status, because each status has an index of its own.
const SQL = {
  count: sql<
    readonly [number]
  >(`SELECT (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'running')
          + (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'queued')`),
  activeIn: sql<
    readonly [runId: string, instanceId: string]
  >(`SELECT run_id, instance_id FROM jims_runs WHERE thread_id = ?1 AND status = 'running'
     UNION ALL
     SELECT run_id, instance_id FROM jims_runs WHERE thread_id = ?1 AND status = 'queued'`),
  active: sql<ActiveRow>(
    `SELECT ${ACTIVE} FROM jims_runs r WHERE r.run_id = ? AND r.status IN ('queued', 'running')`,
  ),
  next: sql<
    readonly [alive: number, ...ActiveRow]
  >(`SELECT coalesce(i.lease_until > ?1, 0), ${ACTIVE}
     FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.thread_id = ?2 AND r.status = 'queued' ORDER BY r.ticket LIMIT 1`),
  orphans:
    sql<ActiveRow>(`SELECT ${ACTIVE} FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.status = 'running' AND coalesce(i.lease_until, 0) <= ?`),
  insert: `INSERT INTO jims_runs (run_id, thread_id, status, instance_id, key_scope, key, fingerprint,
       created_thread, incoming_stored, incoming_type, incoming_data, accepted_at, started_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  revive: `UPDATE jims_runs SET ticket = (SELECT max(ticket) + 1 FROM jims_runs), status = ?2,
       instance_id = ?3, attempt = attempt + 1, withdrawn = NULL, cancel_requested = 0, error = NULL,
       output_ids = NULL, usage = NULL, last_seq = NULL, finished_at = NULL,
       started_at = iif(?2 = 'running', ?4, NULL)
     WHERE run_id = ?1`,
  start: `UPDATE jims_runs SET status = 'running', started_at = ? WHERE run_id = ?`,
  markStored: `UPDATE jims_runs SET incoming_stored = 1, incoming_type = NULL, incoming_data = NULL
     WHERE run_id = ? AND incoming_type IS NOT NULL`,
  markStarted: 'UPDATE jims_runs SET start_ids = ? WHERE run_id = ?',
  end: `UPDATE jims_runs SET status = ?, output_ids = ?, error = ?, usage = ?, last_seq = ?,
       finished_at = ?
     WHERE run_id = ?`,
  withdraw: 'UPDATE jims_runs SET withdrawn = ? WHERE run_id = ?',
  requestCancel: `UPDATE jims_runs SET cancel_requested = 1
     WHERE run_id = ? AND status IN ('queued', 'running')`,
};

/** The rows of `jims_runs`: finds those that wait or run, and writes them. Call writes inside a transaction. */
export class RunRows {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  /** How many runs of a thread run or wait. */
  count(threadId: string): number {
    return this.#sql.count.get(toHex(threadId))?.[0] ?? 0;
  }

  activeIn(threadId: string): readonly StartedRun[] {
    const rows = this.#sql.activeIn.all(toHex(threadId));
    return rows.map(([runId, instanceId]) => ({ runId: fromHex(runId), instanceId }));
  }

  /** The run, when it is not over and still this owner's. */
  owned({ runId, instanceId, attempt }: RunOwner): ActiveRun | undefined {
    const row = this.#sql.active.get(toHex(runId));
    const run = row && toActive(row);
    return run?.instanceId === instanceId && run.attempt === attempt ? run : undefined;
  }

  next(threadId: string): NextRun | undefined {
    const row = this.#sql.next.get(leaseClock(), toHex(threadId));
    if (!row) return undefined;
    const [alive, ...run] = row;
    return { ...toActive(run), alive: alive === 1 };
  }

  /** Running runs whose process is dead. */
  orphans(): readonly ActiveRun[] {
    return this.#sql.orphans.all(leaseClock()).map(toActive);
  }

  insert(
    { runId, instanceId, incoming, idempotency }: AcceptRequest,
    { threadId, status, createdThread, stored }: InsertedRun,
  ): void {
    const time = storedNow();
    const waiting = stored ? undefined : incoming;
    this.#sql.insert.run(
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
  }

  /** Gives a lost run to a process once more, at the end of its thread's queue. */
  revive(runId: string, instanceId: string, status: 'queued' | 'running'): void {
    this.#sql.revive.run(toHex(runId), status, instanceId, storedNow());
  }

  start(runId: string): void {
    this.#sql.start.run(storedNow(), toHex(runId));
  }

  markStored(runId: string): void {
    this.#sql.markStored.run(toHex(runId));
  }

  markStarted(runId: string, events: readonly NewEvent[]): void {
    this.#sql.markStarted.run(idList(events), toHex(runId));
  }

  end(runId: string, { status, events, error, usage, lastSeq }: RunOutcomeRecord): void {
    this.#sql.end.run(
      status,
      idList(events),
      jsonOrNull(error),
      jsonOrNull(usage),
      lastSeq || null,
      storedNow(),
      toHex(runId),
    );
  }

  withdraw(runId: string, { status, error, lastSeq }: Withdrawal): void {
    this.#sql.withdraw.run(JSON.stringify({ status, error, lastSeq }), toHex(runId));
  }

  requestCancel(runId: string): void {
    this.#sql.requestCancel.run(toHex(runId));
  }
}

function idList(events: readonly NewEvent[]): string {
  return JSON.stringify(events.map((event) => event.id));
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
