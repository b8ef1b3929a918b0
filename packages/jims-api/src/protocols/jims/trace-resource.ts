// A trace, as clients see it.
import type {
  ModelEntry,
  RunTrace,
  SourcePosition,
  ToolEntry,
  TraceEntry,
  TraceError,
  TracedAnswer,
  TracedMessagePart,
  TracedRequest,
} from 'jims-core';

import { runSummary } from './resources.ts';
import type { RunView } from './resources.ts';
import type {
  TraceEntry as EntryOnWire,
  TraceError as ErrorOnWire,
  TraceResource,
} from './trace-schema.ts';

/** How a trace is shown: to services alone, which see everything of a run. */
export function traceResource(trace: RunTrace, view: Omit<RunView, 'include'>): TraceResource {
  const { record, state } = trace;
  const run = runSummary(record, { threadId: record.thread.id, view });
  return {
    run_id: run.run_id,
    thread_id: run.thread_id,
    chain_id: run.chain_id,
    attempt: trace.attempt,
    attempts: [...trace.attempts],
    status: run.status,
    kept: trace.isKept,
    left_out: trace.leftOut,
    accepted_at: run.accepted_at,
    started_at: run.started_at,
    finished_at: run.finished_at,
    entries: trace.entries.map(entryOnWire),
    state: { before: { ...state.before }, after: { ...state.after } },
    error: trace.error ? errorOnWire(trace.error) : null,
    usage: run.usage,
  };
}

function entryOnWire(entry: TraceEntry): EntryOnWire {
  const { at, ms } = entry;
  switch (entry.kind) {
    case 'queue':
    case 'pipeline':
    case 'status':
    case 'question':
    case 'end':
      return entry;
    case 'step': {
      const { isReplayed: replayed, ...step } = entry;
      return { ...step, replayed };
    }
    case 'tool':
      return toolOnWire(entry);
    case 'model':
      return modelOnWire(entry);
    case 'message': {
      const { kind, messageId: message_id, text, pieces } = entry;
      return { at, ms, kind, message_id, text, pieces };
    }
    case 'reasoning': {
      const { kind, messageId: message_id, text } = entry;
      return { at, ms, kind, message_id, text };
    }
    case 'event': {
      const { kind, event, isInternal: internal } = entry;
      const { id, type, data } = event;
      const sent = { event_id: id, event_type: type, event_data: data };
      return { at, ms, kind, event: sent, internal };
    }
  }
}

function toolOnWire(entry: ToolEntry): EntryOnWire {
  const { isReplayed: replayed, messageId: message_id, source, ...tool } = entry;
  return { ...tool, message_id, replayed, ...(source && { source: sourceOnWire(source) }) };
}

function modelOnWire(entry: ModelEntry): EntryOnWire {
  const { costUsd, firstPieceMs, isReplayed, request, answer, tokens, ...model } = entry;
  return {
    ...model,
    request: request && requestOnWire(request),
    answer: answer && answerOnWire(answer),
    tokens: tokens && { ...tokens },
    cost_usd: costUsd,
    first_piece_ms: firstPieceMs,
    replayed: isReplayed,
  };
}

type ModelOnWire = Extract<EntryOnWire, { readonly kind: 'model' }>;
type RequestOnWire = NonNullable<ModelOnWire['request']>;

function requestOnWire({ messages, tools, texts, ...request }: TracedRequest): RequestOnWire {
  return {
    ...request,
    messages: messages.map(({ role, parts }) => ({ role, parts: parts.map(partOnWire) })),
    tools: tools.map((tool) => ({ ...tool })),
    ...(texts && { texts: [...texts] }),
  };
}

function partOnWire({
  mediaType,
  ...part
}: TracedMessagePart): RequestOnWire['messages'][number]['parts'][number] {
  return { ...part, ...(mediaType !== undefined && { media_type: mediaType }) };
}

function answerOnWire({
  toolCalls,
  finishReason,
  ranking,
  ...answer
}: TracedAnswer): NonNullable<ModelOnWire['answer']> {
  return {
    ...answer,
    ...(toolCalls && { tool_calls: toolCalls.map((call) => ({ ...call })) }),
    ...(finishReason !== undefined && { finish_reason: finishReason }),
    ...(ranking && { ranking: ranking.map((ranked) => ({ ...ranked })) }),
  };
}

function sourceOnWire(source: SourcePosition): NonNullable<ErrorOnWire['source']> {
  return { ...source, excerpt: source.excerpt.map((line) => ({ ...line })) };
}

function errorOnWire({ code, detail, thrown, source, causes }: TraceError): ErrorOnWire {
  return {
    code,
    detail,
    ...thrownOnWire(thrown),
    source: source ? sourceOnWire(source) : null,
    causes: causes.map(thrownOnWire),
  };
}

function thrownOnWire({
  name,
  message,
  stack = null,
}: {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | null | undefined;
}): ErrorOnWire['causes'][number] {
  return { name, message, stack };
}
