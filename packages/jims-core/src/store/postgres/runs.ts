import { randomUUIDv7 } from 'node:crypto';

import { cleanJson } from '../../text/clean-text.ts';
import { finishedBefore } from '../finished-before.ts';
import type {
  AcceptRequest,
  AcceptResult,
  AcceptedRun,
  PolledRun,
  RunRecord,
  RunStatus,
  RunStore,
  RunThread,
  StartedRun,
} from '../store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import type { Abandoned } from './abandoned.ts';
import type { Database } from './database.ts';
import type { Hints } from './hints.ts';
import { eventLists, jsonList, textsOf, toJson } from './parameters.ts';
import type { Parameter } from './parameters.ts';
import { progressLists, progressStore } from './progress.ts';
import { toEvents, toThread } from './rows.ts';
import type { EventJson, ThreadJson } from './rows.ts';
import { ACTIVE_RUN, RUN_RECORD, toRunRecord } from './run-record.ts';
import type { RunRecordRow } from './run-record.ts';
import { withTimes } from './threads.ts';

type Accepted = Omit<AcceptedRun, 'thread' | 'fresh'> & {
  readonly thread: ThreadJson;
  readonly fresh: readonly EventJson[] | null;
};
type Refused = Exclude<AcceptResult, AcceptedRun>;

/** The transitions are functions of the database, each one round trip: see `sql/`. */
export function runStore(
  db: Database,
  { hints, abandoned, watchers }: { hints: Hints; abandoned: Abandoned; watchers: ThreadWatchers },
): RunStore {
  return {
    async acceptRun(request) {
      const result = await db.callInGroup<Accepted | Refused>(
        'accept_run',
        acceptParameters(request),
        () => abandoned.add(request),
      );
      if (result.kind !== 'accepted') return result;
      hints.wake(result.interrupted, request.instanceId);
      watchers.wake(result.thread.id);
      return toAcceptedRun(request, result);
    },

    async appendInRun(run, events) {
      const { ids, types, data } = eventLists(events);
      const rows = await db.callInGroup<readonly EventJson[] | null>('append_in_run', {
        run_id: run.runId,
        attempt: run.attempt,
        thread_id: run.threadId,
        instance_id: run.instanceId,
        ids,
        types,
        data,
      });
      if (!rows) return 'fenced';
      watchers.wake(run.threadId);
      return toEvents(run.threadId, rows);
    },

    async finishRun(run, outcome) {
      const { status, events, error, usage, lastSeq, progress = [] } = outcome;
      const data = await jsonList(textsOf(events));
      const [seqs, told] = await progressLists(progress);
      const result = await db.callInGroup<{
        times: readonly string[];
        next: StartedRun | null;
      } | null>('finish_run', {
        run_id: run.runId,
        attempt: run.attempt,
        thread_id: run.threadId,
        instance_id: run.instanceId,
        status,
        ids: events.map(({ id }) => id),
        types: events.map(({ type }) => type),
        data,
        error_code: error?.code,
        error_message: error?.message,
        usage: usage && cleanJson(usage),
        last_seq: lastSeq,
        progress_seqs: seqs,
        progress_events: told,
      });
      if (!result) return finishedBefore(await recordOf(db, run.runId), run, outcome);
      const { times, next } = result;
      if (next) hints.wake([next], run.instanceId);
      watchers.wake(run.threadId);
      return {
        kind: 'finished',
        // A run that still waited is withdrawn: nothing of it was appended.
        events: times.length > 0 ? withTimes(run.threadId, events, times) : [],
        next: next ?? undefined,
      };
    },

    run: (runId) => recordOf(db, runId),

    async requestCancel(runId) {
      const [row] = await db.query<{
        asked: { status: RunStatus | null; instanceId: string | null };
      }>('select jims.request_cancel(jims.as_uuid($1)) as asked', [runId]);
      const { status, instanceId } = row?.asked ?? {};
      if (!status || !instanceId) return undefined;
      if (status === 'queued' || status === 'running') hints.wake([{ runId, instanceId }]);
      return status;
    },

    ...runReads(db),
    ...progressStore(db),
  };
}

function runReads(db: Database): Pick<RunStore, 'runIdByKey' | 'activeRun' | 'pollRuns'> {
  return {
    async runIdByKey({ scope, key }) {
      const [row] = await db.query<{ runId: string }>(
        // Of a thread that is being erased nothing is found.
        `select run_id as "runId" from jims.runs join original.threads using (thread_id)
         where idem_scope = $1 and idem_key = $2`,
        [scope, key],
      );
      return row?.runId;
    },

    async activeRun(threadId) {
      const [row] = await db.query<{ runId: string }>(ACTIVE_RUN, [threadId]);
      return row?.runId;
    },

    pollRuns: (instanceId, runIds) =>
      db.query<PolledRun & { runId: string }>(
        `select run_id as "runId", instance_id as "instanceId", attempt, status,
                cancel_requested as "cancelRequested"
         from jims.runs
         where run_id = any ($2::uuid[])
           or (instance_id = $1 and status in ('queued', 'running') and cancel_requested)`,
        [instanceId, runIds],
      ),
  };
}

async function recordOf(db: Database, runId: string): Promise<RunRecord | undefined> {
  const [row] = await db.query<RunRecordRow>(RUN_RECORD, [runId]);
  return row && toRunRecord(row);
}

function acceptParameters(request: AcceptRequest): Readonly<Record<string, Parameter>> {
  const { incoming, idempotency, known } = request;
  return {
    run_id: request.runId,
    instance_id: request.instanceId,
    ...threadParameters(request.thread),
    incoming_type: incoming?.type,
    incoming_data: incoming && toJson(incoming.data),
    hold_incoming: request.holdIncomingOnNewThread,
    on_busy: request.onBusy,
    queue_limit: request.queueLimit,
    scope: idempotency?.scope,
    key: idempotency?.key,
    fingerprint: idempotency?.fingerprint,
    ttl_ms: idempotency?.ttlMs,
    known_thread_id: known?.threadId,
    known_created_at: known?.after.createdAt,
    known_id: known?.after.id,
  };
}

function threadParameters(thread: RunThread): Readonly<Record<string, Parameter>> {
  if (thread.kind === 'thread') {
    return {
      thread_id: thread.threadId,
      contact_id: thread.contactId,
      after_created_at: thread.after?.createdAt,
      after_id: thread.after?.id,
      thread_config: null,
      new_thread_id: null,
      event_id: null,
      ...NO_SEED,
    };
  }
  return {
    thread_id: null,
    contact_id: thread.contactId,
    after_created_at: null,
    after_id: null,
    thread_config: cleanJson(thread.threadConfig),
    new_thread_id: (thread.kind === 'new' && thread.threadId) || randomUUIDv7(),
    event_id: randomUUIDv7(),
    ...(thread.kind === 'latest' ? NO_SEED : seedParameters(thread)),
  };
}

const NO_SEED = {
  external_id: null,
  find_external: false,
  replaces: null,
  seed_ids: null,
  seed_types: null,
  seed_data: null,
};

function seedParameters(
  thread: RunThread & { kind: 'new' | 'external' },
): Readonly<Record<keyof typeof NO_SEED, Parameter>> {
  const { ids, types, data } = eventLists(thread.events);
  return {
    external_id: thread.externalId,
    find_external: thread.kind === 'external',
    replaces: thread.kind === 'new' ? thread.replaces : null,
    seed_ids: ids,
    seed_types: types,
    seed_data: data,
  };
}

function toAcceptedRun({ known }: AcceptRequest, { fresh, ...run }: Accepted): AcceptedRun {
  const thread = toThread(run.thread);
  const after = known?.threadId === thread.id ? known.after : undefined;
  return {
    ...run,
    thread,
    ...(fresh && { fresh: { after, events: toEvents(thread.id, fresh) } }),
  };
}
