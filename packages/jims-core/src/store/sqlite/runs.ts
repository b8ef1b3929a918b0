import type { DatabaseSync } from 'node:sqlite';

import type { JsonObject, NewEvent } from '../../thread/event.ts';
import { NOBODY } from '../store.ts';
import type {
  AcceptRequest,
  IdempotencyKey,
  KeptRun,
  RunOutcomeRecord,
  RunOwner,
  StartedRun,
} from '../store.ts';
import { ACTIVE, toActive } from './active-run.ts';
import type { ActiveRow, ActiveRun, Withdrawal } from './active-run.ts';
import { fromHex, hexOrNull, jsonOrNull, storedNow, toHex } from './columns.ts';
import { leaseClock } from './instances.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

/** The first run in the queue of a thread. */
export interface NextRun extends ActiveRun {
  /** Whether its process lives. In the queue one that is about to end counts as dead for durable runs. */
  readonly alive: boolean;
}

export interface InsertedRun {
  readonly threadId: string;
  readonly status: 'queued' | 'running';
  readonly createdThread: boolean;
  /** Whether its incoming event is in the log. */
  readonly stored: boolean;
  readonly durable?: DurableColumns | undefined;
}

/** What only a durable run has. */
export interface DurableColumns {
  /** For the run that begins its chain. */
  readonly kept?: KeptRun;
  readonly config?: JsonObject;
  /** For one that goes on with a chain. */
  readonly chainId?: string;
  readonly continues?: string;
  /** Whether it is counted among those that may wait, and interrupted by messages; default true. */
  readonly counted?: boolean;
}

/** The message of a run, and who has the run. */
export type RunMessage = Pick<AcceptRequest, 'runId' | 'instanceId' | 'incoming' | 'idempotency'>;

const ALIVE = 'coalesce(i.lease_until > ?1, 0)';

// A thread's active runs are sought once for each status, because each status has an index of its own.
const SQL = {
  count: sql<
    readonly [number]
  >(`SELECT (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'running')
          + (SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'queued')`),
  countedInQueue: sql<readonly [number]>(
    `SELECT count(*) FROM jims_runs WHERE thread_id = ?1 AND status = 'queued' AND counted`,
  ),
  interrupted: sql<
    readonly [runId: string, instanceId: string]
  >(`SELECT run_id, instance_id FROM jims_runs
     WHERE thread_id = ?1 AND status = 'running' AND counted
     UNION ALL
     SELECT run_id, instance_id FROM jims_runs
     WHERE thread_id = ?1 AND status = 'queued' AND counted`),
  active: sql<ActiveRow>(
    `SELECT ${ACTIVE} FROM jims_runs r WHERE r.run_id = ? AND r.status IN ('queued', 'running')`,
  ),
  chainOfRunning: sql<
    readonly [chainId: string | null, recoveries: number]
  >(`SELECT chain_id, recoveries FROM jims_runs
     WHERE run_id = ? AND status = 'running' AND instance_id = ? AND attempt = ?`),
  next: sql<
    readonly [alive: number, ...ActiveRow]
  >(`SELECT ${ALIVE} AND NOT coalesce(i.draining AND r.durable, 0), ${ACTIVE}
     FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.thread_id = ?2 AND r.status = 'queued' ORDER BY r.ticket LIMIT 1`),
  lookedUp: sql<readonly [alive: number, ...ActiveRow]>(`SELECT ${ALIVE}, ${ACTIVE}
     FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.run_id = ?2 AND r.status IN ('queued', 'running')`),
  orphans:
    sql<ActiveRow>(`SELECT ${ACTIVE} FROM jims_runs r LEFT JOIN jims_instances i USING (instance_id)
     WHERE r.status = 'running' AND NOT r.durable AND coalesce(i.lease_until, 0) <= ?`),
  insert: `INSERT INTO jims_runs (run_id, thread_id, status, instance_id, key_scope, key, fingerprint,
       created_thread, incoming_stored, incoming_type, incoming_data, accepted_at, started_at,
       durable, kept, config, chain_id, continues, counted)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  revive: `UPDATE jims_runs SET ticket = (SELECT max(ticket) + 1 FROM jims_runs), status = ?2,
       instance_id = ?3, attempt = attempt + 1, withdrawn = NULL, cancel_requested = 0, error = NULL,
       output_ids = NULL, usage = NULL, last_seq = NULL, finished_at = NULL,
       started_at = iif(?2 = 'running', ?4, NULL)
     WHERE run_id = ?1`,
  start: `UPDATE jims_runs SET status = 'running', started_at = coalesce(started_at, ?)
     WHERE run_id = ?`,
  markStored: `UPDATE jims_runs SET incoming_stored = 1, incoming_type = NULL, incoming_data = NULL
     WHERE run_id = ? AND incoming_type IS NOT NULL`,
  markStarted: 'UPDATE jims_runs SET start_ids = ? WHERE run_id = ?',
  // OR FAIL: see EventRows.
  end: `UPDATE OR FAIL jims_runs SET status = ?, output_ids = ?, error = ?, usage = ?, last_seq = ?,
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

  /** How many of those that wait are counted. */
  countedInQueue(threadId: string): number {
    return this.#sql.countedInQueue.get(toHex(threadId))?.[0] ?? 0;
  }

  /** The active runs of a thread that a message may interrupt. */
  interruptedIn(threadId: string): readonly StartedRun[] {
    const rows = this.#sql.interrupted.all(toHex(threadId));
    return rows.map(([runId, instanceId]) => ({ runId: fromHex(runId), instanceId }));
  }

  /** The run, when it is not over and still this owner's. */
  owned({ runId, instanceId, attempt }: RunOwner): ActiveRun | undefined {
    const row = this.#sql.active.get(toHex(runId));
    const run = row && toActive(row);
    return run?.instanceId === instanceId && run.attempt === attempt ? run : undefined;
  }

  /** What results of a run are stored by, while it runs and is still this owner's: a step needs no more. */
  chainOfRunning({
    runId,
    instanceId,
    attempt,
  }: RunOwner): { readonly chainId: string; readonly recoveries: number } | undefined {
    const row = this.#sql.chainOfRunning.get(toHex(runId), instanceId, attempt);
    if (!row) return undefined;
    const [chainId, recoveries] = row;
    return { chainId: chainId === null ? runId : fromHex(chainId), recoveries };
  }

  next(threadId: string): NextRun | undefined {
    return withLife(this.#sql.next.get(leaseClock(), toHex(threadId)));
  }

  /** The run, when it is not over. */
  active(runId: string): NextRun | undefined {
    return withLife(this.#sql.lookedUp.get(leaseClock(), toHex(runId)));
  }

  /** Running runs that end with their process, which is dead. */
  orphans(): readonly ActiveRun[] {
    return this.#sql.orphans.all(leaseClock()).map(toActive);
  }

  insert(
    { runId, instanceId, incoming, idempotency }: RunMessage,
    { threadId, status, createdThread, stored, durable }: InsertedRun,
  ): void {
    const time = storedNow();
    const waiting = stored ? undefined : incoming;
    this.#sql.insert.run(
      toHex(runId),
      toHex(threadId),
      status,
      instanceId,
      ...(idempotency ? keyValues(idempotency) : NO_KEY),
      Number(createdThread),
      Number(stored),
      waiting?.type ?? null,
      jsonOrNull(waiting?.data),
      time,
      status === 'running' && instanceId !== NOBODY ? time : null,
      ...(durable ? durableValues(durable) : NOT_DURABLE),
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

const NO_KEY = [null, null, null] as const;

function keyValues({ scope, key, fingerprint }: IdempotencyKey): string[] {
  return [scope, key, fingerprint];
}

/** The values of the columns from `durable` on. */
const NOT_DURABLE = [0, null, null, null, null, 1] as const;

function durableValues({
  kept,
  config,
  chainId,
  continues,
  counted = true,
}: DurableColumns): (string | number | null)[] {
  const chain = [hexOrNull(chainId), hexOrNull(continues)];
  return [1, jsonOrNull(kept), jsonOrNull(config), ...chain, Number(counted)];
}

function idList(events: readonly NewEvent[]): string {
  return JSON.stringify(events.map((event) => event.id));
}

function withLife(row: readonly [number, ...ActiveRow] | undefined): NextRun | undefined {
  if (!row) return undefined;
  const [alive, ...run] = row;
  return { ...toActive(run), alive: alive === 1 };
}
