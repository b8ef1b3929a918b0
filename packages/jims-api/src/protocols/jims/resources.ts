// Threads, events and runs, as clients see them.
import type { RunRecord, RunStatus, RunSummary, ThreadEvent, ThreadOverview } from 'jims-core';
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
import { described, titled } from '../../http/schema.ts';
import { AskedQuestion, askedQuestion } from './asked-question.ts';
import { said } from './chat-response.ts';
import { ChatResponseBody, Usage } from './schemas.ts';
import type { ChatResponse } from './schemas.ts';

/** Members of a run's result that are shown only on request. */
export const RUN_INCLUDES = ['usage'] as const;
export type RunInclude = (typeof RUN_INCLUDES)[number];

const time = described(v.string(), 'UTC, with microseconds');

export const ThreadResource = titled('Thread', {
  thread_id: uuid,
  contact_id: v.nullable(v.string()),
  external_id: v.nullable(v.string()),
  superseded_by: described(
    v.nullable(uuid),
    'The thread that replaced this one, because a client edited a message',
  ),
  created_at: time,
  title: described(
    v.nullable(v.string()),
    'What it was called, else the beginning of the contact’s first message; null before that',
  ),
  last_event_at: described(v.string(), 'When its newest event came'),
  last_message: described(
    v.nullable(v.object({ role: v.string(), excerpt: v.string() })),
    'The beginning of the newest message, on one line',
  ),
  waiting: described(v.boolean(), 'Whether a question to the contact is open'),
  thread_config: jsonObject,
  question: described(
    v.optional(AskedQuestion),
    'The open question to the contact, which their next message answers; only where one thread is read',
  ),
  run_id: described(
    v.optional(uuid),
    'The run that greets; only in the answer to a request with `greet`',
  ),
});

export const EventResource = titled('Event', {
  event_id: uuid,
  created_at: time,
  event_type: v.string(),
  event_data: jsonObject,
  run_id: described(
    v.optional(v.nullable(uuid)),
    'The run that it belongs to, null when that is not known; only in pages',
  ),
});

/** How a run went: its status, and why it ended so. */
const course = {
  run_id: uuid,
  thread_id: uuid,
  status: described(
    v.picklist(['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled']),
    '`waiting`: it is over, and its question is open',
  ),
  attempt: described(v.number(), 'More than 1 when the run was lost and started again'),
  chain_id: described(uuid, 'The run that its pipeline began in; its own id when that is itself'),
  accepted_at: time,
  started_at: v.nullable(time),
  finished_at: v.nullable(time),
  error: described(
    v.nullable(v.object({ code: v.string(), detail: v.string() })),
    'Why it failed or was cancelled',
  ),
  usage: described(
    v.nullable(v.array(Usage)),
    'The models that were used, however the run ended; null while it is not over, and for contacts',
  ),
  question: described(v.nullable(AskedQuestion), 'What it waits for'),
};

export const RunResource = titled('Run', {
  ...course,
  created_new_thread: v.boolean(),
  continues: described(v.nullable(uuid), 'The question that it answers'),
  result: described(
    v.nullable(ChatResponseBody),
    'The answer of a completed run; what the user saw of a cancelled one',
  ),
});

export const RunSummaryResource = titled('RunSummary', course);

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
