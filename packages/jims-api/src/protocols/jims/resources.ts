import type { RunRecord, RunStatus, RunSummary, ThreadEvent, ThreadOverview } from 'jims-core';
// Threads, events and runs, as clients see them.
import { supersededBy } from 'jims-core/host';
import { readUsage } from 'jims-core/llm';
import * as v from 'valibot';

import { configFor } from '../../chat/client-config.ts';
import { externalIdFor } from '../../chat/external-ids.ts';
import { askedStatusOf, isActive, statusOf } from '../../chat/run-status.ts';
import type { AskedStatus } from '../../chat/run-status.ts';
import { usageOnWire } from '../../chat/usage.ts';
import type { UsageOnWire } from '../../chat/usage.ts';
import type { ViewOptions } from '../../chat/visibility.ts';
import { jsonObject, uuid } from '../../http/fastapi/fields.ts';
import type { Call } from '../../http/route.ts';
import { AskedQuestion, askedQuestion } from './asked-question.ts';
import { said } from './chat-response.ts';
import { ChatResponseBody, Usage } from './schemas.ts';
import type { ChatResponse } from './schemas.ts';

/** Members of a run's result that are shown only on request. */
export const RUN_INCLUDES = ['usage'] as const;
export type RunInclude = (typeof RUN_INCLUDES)[number];

const time = v.pipe(v.string(), v.description('UTC, with microseconds'));

export const ThreadResource = v.pipe(
  v.object({
    thread_id: uuid,
    contact_id: v.nullable(v.string()),
    external_id: v.nullable(v.string()),
    superseded_by: v.pipe(
      v.nullable(uuid),
      v.description('The thread that replaced this one, because a client edited a message'),
    ),
    created_at: time,
    title: v.pipe(
      v.nullable(v.string()),
      v.description(
        'What it was called, else the beginning of the contact’s first message; null before that',
      ),
    ),
    last_event_at: v.pipe(v.string(), v.description('When its newest event came')),
    last_message: v.pipe(
      v.nullable(v.object({ role: v.string(), excerpt: v.string() })),
      v.description('The beginning of the newest message, on one line'),
    ),
    waiting: v.pipe(v.boolean(), v.description('Whether a question to the contact is open')),
    thread_config: jsonObject,
    question: v.pipe(
      v.optional(AskedQuestion),
      v.description(
        'The open question to the contact, which their next message answers; only where one thread is read',
      ),
    ),
    run_id: v.pipe(
      v.optional(uuid),
      v.description('The run that greets; only in the answer to a request with `greet`'),
    ),
  }),
  v.title('Thread'),
);

export const EventResource = v.pipe(
  v.object({
    event_id: uuid,
    created_at: time,
    event_type: v.string(),
    event_data: jsonObject,
    run_id: v.pipe(
      v.optional(v.nullable(uuid)),
      v.description('The run that it belongs to, null when that is not known; only in pages'),
    ),
  }),
  v.title('Event'),
);

/** How a run went: its status, and why it ended so. */
const course = {
  run_id: uuid,
  thread_id: uuid,
  status: v.pipe(
    v.picklist(['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled']),
    v.description('`waiting`: it is over, and its question is open'),
  ),
  attempt: v.pipe(v.number(), v.description('More than 1 when the run was lost and started again')),
  chain_id: v.pipe(
    uuid,
    v.description('The run that its pipeline began in; its own id when that is itself'),
  ),
  accepted_at: time,
  started_at: v.nullable(time),
  finished_at: v.nullable(time),
  error: v.pipe(
    v.nullable(v.object({ code: v.string(), detail: v.string() })),
    v.description('Why it failed or was cancelled'),
  ),
  usage: v.pipe(
    v.nullable(v.array(Usage)),
    v.description(
      'The models that were used, however the run ended; null while it is not over, and for contacts',
    ),
  ),
  question: v.pipe(v.nullable(AskedQuestion), v.description('What it waits for')),
};

export const RunResource = v.pipe(
  v.object({
    ...course,
    created_new_thread: v.boolean(),
    continues: v.pipe(v.nullable(uuid), v.description('The question that it answers')),
    result: v.pipe(
      v.nullable(ChatResponseBody),
      v.description('The answer of a completed run; what the user saw of a cancelled one'),
    ),
  }),
  v.title('Run'),
);

export const RunSummaryResource = v.pipe(v.object(course), v.title('RunSummary'));

type ThreadResource = v.InferOutput<typeof ThreadResource>;
export type EventResource = v.InferOutput<typeof EventResource>;
type RunResource = v.InferOutput<typeof RunResource>;
type RunSummaryResource = v.InferOutput<typeof RunSummaryResource>;

export function threadResource(
  thread: ThreadOverview,
  { principal }: Pick<Call, 'principal'>,
): ThreadResource {
  return {
    thread_id: thread.id,
    contact_id: thread.contactId ?? null,
    external_id: externalIdFor(principal, thread),
    superseded_by: supersededBy(thread) ?? null,
    created_at: thread.createdAt,
    title: thread.title ?? null,
    last_event_at: thread.lastEventAt,
    last_message: thread.lastMessage ?? null,
    waiting: thread.isWaiting,
    thread_config: configFor(principal, thread.config),
  };
}

export function eventResource({ id, createdAt, type, data }: ThreadEvent): EventResource {
  return { event_id: id, created_at: createdAt, event_type: type, event_data: data };
}

/** How a run is shown to its caller. */
export interface RunView extends Pick<ViewOptions, 'sees' | 'seesModels' | 'seesWork'> {
  readonly include: ReadonlySet<RunInclude>;
}

export function runResource(record: RunRecord, view: RunView): RunResource {
  const summary = runSummary(record, { threadId: record.thread.id, view });
  return {
    ...summary,
    created_new_thread: record.createdThread,
    continues: continuesFor(record, view),
    result: hasResult(summary.status) ? resultOf(record, view) : null,
  };
}

/** A run as lists show it: without what it sent. */
export function runSummary(
  run: RunSummary,
  { threadId, view }: { readonly threadId: string; readonly view: Omit<RunView, 'include'> },
): RunSummaryResource {
  const { error, question } = run;
  const status = shownStatusOf(run);
  return {
    run_id: run.runId,
    thread_id: threadId,
    status,
    attempt: run.attempt,
    chain_id: run.chainId,
    accepted_at: run.acceptedAt,
    started_at: run.startedAt ?? null,
    finished_at: run.finishedAt ?? null,
    error: error ? { code: error.code, detail: error.message } : null,
    usage: isActive(statusOf(run)) || !view.seesModels ? null : usageOf(run),
    question: (status === 'waiting' && question && askedQuestion(question, view)) || null,
  };
}

function shownStatusOf(record: RunSummary): RunStatus | AskedStatus {
  return record.question ? askedStatusOf(record.question) : statusOf(record);
}

function hasResult(status: RunStatus | AskedStatus): boolean {
  return status === 'completed' || status === 'waiting' || status === 'cancelled';
}

/** A contact sees which question of theirs a message of theirs answers. */
function continuesFor(
  { continues, incoming }: RunRecord,
  { sees, seesWork }: RunView,
): string | null {
  const isSeen = seesWork || (incoming !== undefined && sees(incoming.type));
  return isSeen ? (continues ?? null) : null;
}

function usageOf({ usage }: Pick<RunSummary, 'usage'>): UsageOnWire[] {
  return (readUsage(usage) ?? []).map(usageOnWire);
}

function resultOf(record: RunRecord, { sees, seesModels, include }: RunView): ChatResponse {
  const { thread, createdThread, events, startEvents } = record;
  return {
    thread_id: thread.id,
    created_new_thread: createdThread,
    ...said(events, sees),
    ...(startEvents.length > 0 && { start: said(startEvents, sees) }),
    ...(seesModels && include.has('usage') && { usage: usageOf(record) }),
  };
}
