import { randomUUIDv7 } from 'node:crypto';

import { cleanJson } from '../../text/clean-text.ts';
import { finishedBefore } from '../finished-before.ts';
import type {
  AcceptRequest,
  AcceptResult,
  AcceptedRun,
  AnswerRule,
  RunOutcomeRecord,
  RunOwner,
  RunStatus,
  RunStore,
  RunThread,
  StartedRun,
} from '../run-store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import { entriesJson, ownerArguments, toChain } from './chains.ts';
import type { ChainRow } from './chains.ts';
import type { Database } from './database.ts';
import type { Arguments } from './functions.ts';
import type { Notifications } from './notifications.ts';
import { dataTexts, eventLists, jsonList, toJson, uuidOrNull } from './parameters.ts';
import { keptProgress } from './progress.ts';
import { toEvents, toThread, withTimes } from './rows.ts';
import type { EventRow, ThreadRow } from './rows.ts';
import { readRun } from './run-records.ts';
import type { UnansweredRequests } from './unanswered.ts';

interface RunsOptions {
  readonly notifications: Notifications;
  readonly unanswered: UnansweredRequests;
  readonly watchers: ThreadWatchers;
}

const NO_FILE = '00000000-0000-0000-0000-000000000000';

type Runs = Pick<RunStore, 'acceptRun' | 'appendInRun' | 'finishRun' | 'requestCancel'>;

/** What happens to a run. Each transition is a function of the database, and one round trip: see `sql/`. */
export function runStore(db: Database, { notifications, unanswered, watchers }: RunsOptions): Runs {
  return {
    async acceptRun(request) {
      const result = await db.callInGroup<AcceptedRow | Refused | Closed>(
        request.files?.length ? 'accept_with_files' : 'accept_run',
        acceptArguments(request),
        () => unanswered.add(request),
      );
      if (result.kind === 'question_closed') {
        return { kind: result.kind, answeredBy: result.answeredBy ?? undefined };
      }
      if (result.kind !== 'accepted') return result;
      notifications.notify(result.interrupted, request.instanceId);
      watchers.wake(result.thread.id);
      return toAcceptedRun(request, result);
    },

    async appendInRun(run, events) {
      const rows = await db.callInGroup<readonly EventRow[] | null>('append_in_run', {
        ...ownerArguments(run),
        ...eventLists(events),
      });
      if (!rows) return 'fenced';
      watchers.wake(run.threadId);
      return toEvents(run.threadId, rows);
    },

    async finishRun(run, outcome) {
      const result = await finish(db, run, outcome);
      if (!result) return finishedBefore(await readRun(db, run.runId), run, outcome);
      if ('refused' in result) return { kind: 'too_many_questions' };
      const { times, next } = result;
      if (next) notifications.notify([next], run.instanceId);
      watchers.wake(run.threadId);
      return {
        kind: 'finished',
        // A run that still waited is withdrawn: nothing of it was appended.
        events: times.length > 0 ? withTimes(run.threadId, outcome.events, times) : [],
        next: next ?? undefined,
      };
    },

    async requestCancel(runId) {
      const { status, instanceId, next } = await db.call<{
        status: RunStatus | null;
        instanceId: string | null;
        next: StartedRun | null;
      }>('request_cancel', { run_id: uuidOrNull(runId) });
      if (!status || !instanceId) return undefined;
      if (status === 'queued' || status === 'running')
        notifications.notify([{ runId, instanceId }]);
      if (next) notifications.notify([next]);
      return status;
    },
  };
}

/** An accepted run as `jims.accept_run` gives it. */
type AcceptedRow = Omit<AcceptedRun, 'thread' | 'fresh' | 'chain'> & {
  readonly thread: ThreadRow;
  readonly chain: ChainRow | null;
  readonly fresh: readonly EventRow[] | null;
};
type Refused = Exclude<AcceptResult, AcceptedRun | { readonly kind: 'question_closed' }>;
type Closed = { readonly kind: 'question_closed'; readonly answeredBy: string | null };

function acceptArguments(request: AcceptRequest): Arguments {
  const { incoming, idempotency, known, durable } = request;
  return {
    run_id: request.runId,
    instance_id: request.instanceId,
    ...threadArguments(request.thread),
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
    kept: durable && cleanJson(durable),
    ...answerArguments(request.answer),
    knows_chains: true,
    ...fileArguments(request.files),
  };
}

function fileArguments(files: AcceptRequest['files']): Arguments {
  // What is not a UUID is the id of no file.
  return files?.length ? { files: files.map((id) => uuidOrNull(id) ?? NO_FILE) } : {};
}

function answerArguments(rule: AnswerRule | undefined): Arguments {
  if (!rule || rule.kind === 'none') return {};
  if (rule.kind !== 'question') return { answer: rule.kind };
  return {
    answer: rule.kind,
    question_id: uuidOrNull(rule.questionId),
    audience: rule.audience,
  };
}

function threadArguments(thread: RunThread): Arguments {
  if (thread.kind === 'thread') {
    return {
      thread_id: thread.threadId,
      contact_id: thread.contactId,
      after_created_at: thread.after?.createdAt,
      after_id: thread.after?.id,
    };
  }
  const made = {
    contact_id: thread.contactId,
    thread_config: cleanJson(thread.threadConfig),
    new_thread_id: (thread.kind === 'new' && thread.threadId) || randomUUIDv7(),
    event_id: randomUUIDv7(),
  };
  if (thread.kind === 'latest') return made;
  const { ids, types, data } = eventLists(thread.events);
  return {
    ...made,
    external_id: thread.externalId,
    find_external: thread.kind === 'external',
    replaces: thread.kind === 'new' ? thread.replaces : null,
    seed_ids: ids,
    seed_types: types,
    seed_data: data,
  };
}

type Ended =
  | { readonly times: readonly string[]; readonly next: StartedRun | null }
  /** The thread has too many open questions. */
  | { readonly refused: true };

/** Resolves with null for a run that this process may not write for. */
async function finish(
  db: Database,
  run: RunOwner,
  outcome: RunOutcomeRecord,
): Promise<Ended | null> {
  const { status, events, error, usage, lastSeq, progress = [], entries, question } = outcome;
  const data = await jsonList(dataTexts(events));
  const { kept, events: progressEvents } = await keptProgress(progress);
  return db.callInGroup('finish_run', {
    ...ownerArguments(run),
    status,
    ids: events.map(({ id }) => id),
    types: events.map(({ type }) => type),
    data,
    error_code: error?.code,
    error_message: error?.message,
    usage: usage && cleanJson(usage),
    last_seq: lastSeq,
    progress_seqs: kept.map(({ seq }) => seq),
    progress_events: progressEvents,
    entries: entries && entries.length > 0 ? entriesJson(entries) : null,
    question: question && cleanJson(question),
  });
}

function toAcceptedRun(
  { known }: AcceptRequest,
  { fresh, chain, ...run }: AcceptedRow,
): AcceptedRun {
  const thread = toThread(run.thread);
  const after = known?.threadId === thread.id ? known.after : undefined;
  return {
    ...run,
    thread,
    ...(chain && { chain: toChain(chain) }),
    ...(fresh && { fresh: { after, events: toEvents(thread.id, fresh) } }),
  };
}
