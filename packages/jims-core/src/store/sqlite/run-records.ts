import type { DatabaseSync, StatementSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import { RETRIED_CODES } from '../store.ts';
import type {
  IdempotencyKey,
  PolledRun,
  RunNews,
  RunRecord,
  RunStatus,
  RunSummary,
} from '../store.ts';
import type { Withdrawal } from './active-run.ts';
import {
  fromHex,
  listParameter,
  parseStoredJson,
  parseStoredObject,
  storedBefore,
  toHex,
  uuidOrNone,
  valueOf,
} from './columns.ts';
import type { LogReads } from './log-reads.ts';
import type { QuestionRows } from './questions.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { ThreadRows } from './threads.ts';
import { toPublicTime } from './timestamp.ts';

/** What is known of the run that has a key. */
export interface KeyedRun {
  readonly runId: string;
  readonly threadId: string;
  readonly fingerprint: string;
  readonly createdThread: boolean;
  readonly started: boolean;
  readonly attempt: number;
  /** Whether it ended before its answer was kept: the same request runs it again. */
  readonly lost: boolean;
  readonly durable: boolean;
}

const HAS_THREAD = 'EXISTS (SELECT 1 FROM threads t WHERE t.thread_id = jims_runs.thread_id)';
const LOST_CODES: ReadonlySet<string> = new Set([...RETRIED_CODES, 'disconnected']);

type PollRow = readonly [
  runId: string,
  instanceId: string,
  attempt: number,
  status: RunStatus,
  cancelRequested: number,
];

// The runs of a thread that is being erased must not be found.
const SQL = {
  idByKey: sql<readonly [runId: string]>(
    `SELECT run_id FROM jims_runs WHERE key_scope = ? AND key = ? AND ${HAS_THREAD}`,
  ),
  forgetKey: 'UPDATE jims_runs SET key = NULL WHERE run_id = ?',
  standing: sql<
    readonly [runId: string, attempt: number, status: RunStatus]
  >(`SELECT run_id, attempt, status FROM jims_runs
     WHERE run_id IN (SELECT value FROM json_each(?)) AND ${HAS_THREAD}`),
  statusOf: sql<readonly [RunStatus]>(
    `SELECT status FROM jims_runs WHERE run_id = ? AND ${HAS_THREAD}`,
  ),
  activeOf: sql<readonly [runId: string]>(
    `SELECT run_id FROM jims_runs WHERE thread_id = ? AND status = 'running'`,
  ),
  poll: sql<PollRow>(`SELECT run_id, instance_id, attempt, status, cancel_requested FROM jims_runs
     WHERE run_id IN (SELECT value FROM json_each(?1))
     UNION
     SELECT run_id, instance_id, attempt, status, cancel_requested FROM jims_runs
     WHERE instance_id = ?2 AND cancel_requested AND status IN ('queued', 'running')`),
};

interface RecordTables {
  readonly threads: ThreadRows;
  readonly log: LogReads;
  readonly questions: QuestionRows;
}

/** Reads the rows of `jims_runs`, whether the runs are over or not. */
export class RunRecords {
  readonly #sql: Statements<typeof SQL>;
  /** Whole rows, as objects. */
  readonly #byId: StatementSync;
  readonly #byKey: StatementSync;
  readonly #tables: RecordTables;

  constructor(db: DatabaseSync, tables: RecordTables) {
    this.#sql = prepareAll(db, SQL);
    this.#byId = db.prepare('SELECT * FROM jims_runs WHERE run_id = ?');
    this.#byKey = db.prepare('SELECT * FROM jims_runs WHERE key_scope = ? AND key = ?');
    this.#tables = tables;
  }

  byId(runId: string): RunRecord | undefined {
    const row = this.#byId.get(toHex(runId)) as RunRow | undefined;
    const { threads, log } = this.#tables;
    const thread = row && threads.byId(fromHex(row.thread_id));
    if (!thread) return undefined;
    return {
      ...this.#summaryOf(row),
      thread,
      instanceId: row.instance_id,
      withdrawnAs: withdrawalOf(row)?.status,
      createdThread: row.created_thread === 1,
      incoming: waitingIn(row) ?? log.byIds(thread.id, [runId]).map(withoutTime)[0],
      startEvents: log.byIds(thread.id, idsOf(row.start_ids)),
      events: log.byIds(thread.id, idsOf(row.output_ids)),
      lastSeq: row.last_seq ?? undefined,
    };
  }

  /** A run without what it sent; its thread must be there. */
  summary(runId: string): RunSummary | undefined {
    const row = this.#byId.get(toHex(runId)) as RunRow | undefined;
    return row && this.#summaryOf(row);
  }

  #summaryOf(row: RunRow): RunSummary {
    const runId = fromHex(row.run_id);
    const questionId = uuidOrNone(row.question_id);
    const withdrawal = withdrawalOf(row);
    return {
      runId,
      status: row.status,
      attempt: row.attempt,
      acceptedAt: toPublicTime(row.accepted_at),
      startedAt: row.started_at === null ? undefined : toPublicTime(row.started_at),
      finishedAt: row.finished_at === null ? undefined : toPublicTime(row.finished_at),
      error: withdrawal ? withdrawal.error : (valueOf(row.error) as RunRecord['error']),
      usage: valueOf(row.usage) as RunRecord['usage'],
      chainId: uuidOrNone(row.chain_id) ?? runId,
      continues: uuidOrNone(row.continues),
      question: questionId === undefined ? undefined : this.#tables.questions.byId(questionId),
      durable: row.durable === 1,
    };
  }

  idByKey({ scope, key }: Pick<IdempotencyKey, 'scope' | 'key'>): string | undefined {
    return uuidOrNone(this.#sql.idByKey.get(scope, key)?.[0]);
  }

  /** The run of a key, which is forgotten when it is too old or its thread is gone. */
  byKey({ scope, key, ttlMs }: IdempotencyKey): KeyedRun | undefined {
    const row = this.#byKey.get(scope, key) as RunRow | undefined;
    if (!row) return undefined;
    const isOld = row.finished_at !== null && row.accepted_at < storedBefore(ttlMs);
    if (isOld || !this.#tables.threads.byId(fromHex(row.thread_id))) {
      this.#sql.forgetKey.run(row.run_id);
      return undefined;
    }
    return {
      runId: fromHex(row.run_id),
      threadId: fromHex(row.thread_id),
      fingerprint: row.fingerprint ?? '',
      createdThread: row.created_thread === 1,
      started: row.start_ids !== null,
      attempt: row.attempt,
      lost: LOST_CODES.has(String(parseStoredObject(row.error)['code'])),
      durable: row.durable === 1,
    };
  }

  poll(instanceId: string, runIds: readonly string[]): readonly PolledRun[] {
    const rows = this.#sql.poll.all(listParameter(runIds.map(toHex)), instanceId);
    return rows.map(([runId, instance, attempt, status, cancelRequested]) => ({
      runId: fromHex(runId),
      instanceId: instance,
      attempt,
      status,
      cancelRequested: cancelRequested === 1,
    }));
  }

  /** The state of runs; their progress is not kept. */
  standing(runIds: readonly string[]): readonly RunNews[] {
    const list = listParameter(runIds.map(toHex));
    const rows = this.#sql.standing.all(list);
    return rows.map(([runId, attempt, status]) => ({
      runId: fromHex(runId),
      attempt,
      status,
      progress: [],
    }));
  }

  statusOf(runId: string): RunStatus | undefined {
    return this.#sql.statusOf.get(toHex(runId))?.[0];
  }

  /** The run that is running in a thread. */
  activeOf(threadId: string): string | undefined {
    return uuidOrNone(this.#sql.activeOf.get(toHex(threadId))?.[0]);
  }
}

interface RunRow {
  readonly run_id: string;
  readonly thread_id: string;
  readonly status: RunStatus;
  readonly attempt: number;
  readonly instance_id: string;
  readonly fingerprint: string | null;
  readonly created_thread: number;
  readonly incoming_type: string | null;
  readonly incoming_data: string | null;
  readonly start_ids: string | null;
  readonly output_ids: string | null;
  readonly withdrawn: string | null;
  readonly error: string | null;
  readonly usage: string | null;
  readonly last_seq: number | null;
  readonly accepted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly chain_id: string | null;
  readonly continues: string | null;
  readonly question_id: string | null;
  readonly durable: number;
}

/** The incoming event, while it is not in the log. */
function waitingIn({ run_id, incoming_type, incoming_data }: RunRow): NewEvent | undefined {
  if (incoming_type === null) return undefined;
  return { id: fromHex(run_id), type: incoming_type, data: parseStoredObject(incoming_data) };
}

function withoutTime({ id, type, data }: NewEvent): NewEvent {
  return { id, type, data };
}

/** How it will end, while it waits. */
function withdrawalOf({ status, withdrawn }: RunRow): Withdrawal | undefined {
  return status === 'queued' ? (valueOf(withdrawn) as Withdrawal | undefined) : undefined;
}

function idsOf(text: string | null): readonly string[] {
  return text === null ? [] : (parseStoredJson(text) as readonly string[]);
}
