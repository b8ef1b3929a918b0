import type { DatabaseSync } from 'node:sqlite';

import type { NewEvent } from '../../thread/event.ts';
import type { IdempotencyKey, PolledRun, RunNews, RunRecord, RunStatus } from '../store.ts';
import { cell, listParameter, storedBefore } from './columns.ts';
import type { EventRows } from './events.ts';
import type { Withdrawal } from './runs.ts';
import { parseStoredJson, parseStoredObject } from './stored-json.ts';
import type { ThreadRows } from './threads.ts';
import { toPublicTime } from './timestamp.ts';
import { fromHex, toHex } from './uuid-hex.ts';

/** What is known of the run that has a key. */
export interface KeyedRun {
  readonly runId: string;
  readonly threadId: string;
  readonly fingerprint: string;
  readonly createdThread: boolean;
  readonly started: boolean;
  readonly attempt: number;
  /** It ended without what its pipeline said being kept: asked for again, it is run again. */
  readonly lost: boolean;
}

/** The rows of `jims_runs` as records, over or not. */
export interface RunRecords {
  byId(runId: string): RunRecord | undefined;
  idByKey(scope: string, key: string): string | undefined;
  /** The run of a key that is not forgotten yet. */
  byKey(key: IdempotencyKey): KeyedRun | undefined;
  poll(instanceId: string, runIds: readonly string[]): readonly PolledRun[];
  /** How runs stand; their progress is not kept. */
  standing(runIds: readonly string[]): readonly RunNews[];
  statusOf(runId: string): RunStatus | undefined;
  /** The run that is running in a thread. */
  activeOf(threadId: string): string | undefined;
}

const HAS_THREAD = 'EXISTS (SELECT 1 FROM threads t WHERE t.thread_id = jims_runs.thread_id)';
const LOST_CODES: ReadonlySet<string> = new Set([
  'lost',
  'disconnected',
  'shutting_down',
  'store_unavailable',
]);

export function runRecords(
  db: DatabaseSync,
  { threads, events }: { threads: ThreadRows; events: EventRows },
): RunRecords {
  const byId = db.prepare('SELECT * FROM jims_runs WHERE run_id = ?');
  const byKey = db.prepare('SELECT * FROM jims_runs WHERE key_scope = ? AND key = ?');
  // Of a thread that is being erased nothing is found.
  const idByKey = db.prepare(
    `SELECT run_id FROM jims_runs WHERE key_scope = ? AND key = ? AND ${HAS_THREAD}`,
  );
  idByKey.setReturnArrays(true);
  const forgetKey = db.prepare('UPDATE jims_runs SET key = NULL WHERE run_id = ?');
  const standing = db.prepare(
    `SELECT run_id, attempt, status FROM jims_runs
     WHERE run_id IN (SELECT value FROM json_each(?)) AND ${HAS_THREAD}`,
  );
  const statusOf = db.prepare(`SELECT status FROM jims_runs WHERE run_id = ? AND ${HAS_THREAD}`);
  statusOf.setReturnArrays(true);
  const activeOf = db.prepare(
    `SELECT run_id FROM jims_runs WHERE thread_id = ? AND status = 'running'`,
  );
  activeOf.setReturnArrays(true);
  const poll = db.prepare(
    `SELECT run_id, instance_id, attempt, status, cancel_requested FROM jims_runs
     WHERE run_id IN (SELECT value FROM json_each(?1))
     UNION
     SELECT run_id, instance_id, attempt, status, cancel_requested FROM jims_runs
     WHERE instance_id = ?2 AND cancel_requested AND status IN ('queued', 'running')`,
  );

  return {
    byId(runId) {
      const row = byId.get(toHex(runId)) as RunRow | undefined;
      const thread = row && threads.byId(fromHex(row.thread_id));
      if (!thread) return undefined;
      const withdrawal = row.status === 'queued' ? withdrawalOf(row) : undefined;
      return {
        runId,
        thread,
        instanceId: row.instance_id,
        status: row.status,
        withdrawnAs: withdrawal?.status,
        attempt: row.attempt,
        createdThread: row.created_thread === 1,
        acceptedAt: toPublicTime(row.accepted_at),
        startedAt: row.started_at === null ? undefined : toPublicTime(row.started_at),
        finishedAt: row.finished_at === null ? undefined : toPublicTime(row.finished_at),
        incoming: waitingIn(row) ?? events.byIds(thread.id, [runId]).map(withoutTime)[0],
        startEvents: events.byIds(thread.id, idsOf(row.start_ids)),
        events: events.byIds(thread.id, idsOf(row.output_ids)),
        error: withdrawal ? withdrawal.error : (valueOf(row.error) as RunRecord['error']),
        usage: valueOf(row.usage) as RunRecord['usage'],
        lastSeq: row.last_seq ?? undefined,
      };
    },

    idByKey(scope, key) {
      const runId = cell(idByKey.get(scope, key));
      return typeof runId === 'string' ? fromHex(runId) : undefined;
    },

    byKey({ scope, key, ttlMs }) {
      const row = byKey.get(scope, key) as RunRow | undefined;
      if (!row) return undefined;
      const isOld = row.finished_at !== null && row.accepted_at < storedBefore(ttlMs);
      if (isOld || !threads.byId(fromHex(row.thread_id))) {
        forgetKey.run(row.run_id);
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
      };
    },

    poll: (instanceId, runIds) =>
      poll.all(listParameter(runIds.map(toHex)), instanceId).map((row) => {
        const { run_id, instance_id, attempt, status, ...run } = row as unknown as RunRow;
        const cancelRequested = run.cancel_requested === 1;
        return {
          runId: fromHex(run_id),
          instanceId: instance_id,
          attempt,
          status,
          cancelRequested,
        };
      }),

    standing: (runIds) =>
      standing.all(listParameter(runIds.map(toHex))).map((row) => {
        const { run_id, attempt, status } = row as unknown as RunRow;
        return { runId: fromHex(run_id), attempt, status, progress: [] };
      }),

    statusOf: (runId) => cell(statusOf.get(toHex(runId))) as RunStatus | undefined,

    activeOf(threadId) {
      const runId = cell(activeOf.get(toHex(threadId)));
      return typeof runId === 'string' ? fromHex(runId) : undefined;
    },
  };
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
  readonly cancel_requested: number;
  readonly withdrawn: string | null;
  readonly error: string | null;
  readonly usage: string | null;
  readonly last_seq: number | null;
  readonly accepted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
}

/** What started it, while it is not in the log. */
function waitingIn({ run_id, incoming_type, incoming_data }: RunRow): NewEvent | undefined {
  if (incoming_type === null) return undefined;
  return { id: fromHex(run_id), type: incoming_type, data: parseStoredObject(incoming_data) };
}

function withoutTime({ id, type, data }: NewEvent): NewEvent {
  return { id, type, data };
}

function withdrawalOf({ withdrawn }: RunRow): Withdrawal | undefined {
  return valueOf(withdrawn) as Withdrawal | undefined;
}

function valueOf(text: string | null): unknown {
  return text === null ? undefined : parseStoredJson(text);
}

function idsOf(text: string | null): readonly string[] {
  return text === null ? [] : (parseStoredJson(text) as readonly string[]);
}
