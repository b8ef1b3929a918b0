// The response object: a run, as clients see it.
import type { NewEvent, RunEnd, RunResult } from 'jims-core';
import * as v from 'valibot';

import type { FileAddress } from '../../../chat/file-address.ts';
import { reasoningOf } from '../../../chat/message-members.ts';
import { assistantText } from '../../../chat/messages.ts';
import { tokensOf } from '../../../chat/usage.ts';
import { jsonObject } from '../../../http/fastapi/fields.ts';
import { described, titled } from '../../../http/schema.ts';
import { citationsOf, positionAfter } from '../shared/citations.ts';
import type { Citation } from '../shared/citations.ts';
import { secondsOf, conversationId, messageId, openAiId, responseId } from '../shared/ids.ts';
import type { Echo } from './echo.ts';

const string = v.string();

/** The response object, as the OpenAPI document describes it. */
export const ResponseResource = titled('Response', {
  id: string,
  object: v.literal('response'),
  created_at: described(v.number(), 'Seconds since 1970'),
  completed_at: v.nullable(v.number()),
  status: v.picklist(['queued', 'in_progress', 'completed', 'failed', 'cancelled']),
  output: described(
    v.array(v.looseObject({ id: string, type: v.picklist(['message', 'reasoning']) })),
    'One item for each message, before it what a model thought, where the app keeps that; in a stream, statuses are reasoning items, too',
  ),
  error: v.nullable(v.object({ code: string, message: string })),
  metadata: described(
    jsonObject,
    'The metadata of the request, `thread_id`, and the `question_id` of a question',
  ),
  model: string,
  previous_response_id: v.nullable(string),
  conversation: v.nullable(v.object({ id: string })),
  usage: v.nullable(jsonObject),
});

/** The run that a response is about. */
export interface ResponseOf {
  readonly runId: string;
  readonly threadId: string;
  readonly echo: Echo;
  readonly addressOf: FileAddress;
}

export interface ResponseState {
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled';
  readonly output: readonly OutputItem[];
  readonly error: ResponseError | null;
  readonly usage: object | null;
  /** When it was completed, in seconds; `null` for a response that is not. */
  readonly completed_at: number | null;
  /** The question that it ended with. */
  readonly questionId?: string;
}

export interface ResponseError {
  readonly code: 'server_error' | 'invalid_prompt';
  readonly message: string;
}

/** Members that the schema requires and an app does not have, with OpenAI's defaults. */
const UNUSED = {
  frequency_penalty: 0,
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  presence_penalty: 0,
  reasoning: null,
  service_tier: 'default',
  temperature: 1,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
} as const;

export type OutputItem = MessageItem | ReasoningItem;

export interface MessageItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly status: 'in_progress' | 'completed' | 'incomplete';
  readonly content: readonly TextPart[];
}

/** What a model thought, or what the app was doing: a response has no other member for statuses. */
export interface ReasoningItem {
  readonly id: string;
  readonly type: 'reasoning';
  readonly summary: readonly SummaryPart[];
}

export interface TextPart {
  readonly type: 'output_text';
  readonly text: string;
  readonly annotations: readonly Annotation[];
  readonly logprobs: readonly [];
}

export interface Annotation extends Citation {
  readonly type: 'url_citation';
  readonly start_index: number;
  readonly end_index: number;
}

interface SummaryPart {
  readonly type: 'summary_text';
  readonly text: string;
}

export function responseObject(
  { runId, threadId, echo }: Omit<ResponseOf, 'addressOf'>,
  state: ResponseState,
): object {
  return {
    ...UNUSED,
    id: responseId(runId),
    object: 'response',
    created_at: secondsOf(runId),
    completed_at: state.completed_at,
    status: state.status,
    background: echo.background ?? false,
    error: state.error,
    incomplete_details: null,
    instructions: echo.instructions ?? null,
    metadata: {
      ...echo.metadata,
      thread_id: threadId,
      ...(state.questionId !== undefined && { question_id: state.questionId }),
    },
    model: echo.model,
    output: state.output,
    previous_response_id: echo.previous_response_id ?? null,
    prompt_cache_key: echo.prompt_cache_key ?? null,
    safety_identifier: echo.safety_identifier ?? null,
    store: echo.store ?? true,
    conversation: echo.conversation ? { id: conversationId(threadId) } : null,
    usage: state.usage,
  };
}

/** The state of a response without output. */
export const NOTHING = { output: [], error: null, usage: null, completed_at: null } as const;

/** The state of a response that is over; `finishedAt` says since when, if known. */
export function stateOfEnd(
  of: Pick<ResponseOf, 'runId' | 'addressOf'>,
  end: RunEnd,
  finishedAt?: string,
): ResponseState {
  switch (end.type) {
    case 'result': {
      const { events } = end.result;
      return {
        ...NOTHING,
        completed_at: completedAt(end, finishedAt),
        status: 'completed',
        output: outputOf(of, events),
        usage: usageOf(end.result),
        ...questionIn(end),
      };
    }
    case 'error':
      return {
        ...NOTHING,
        status: 'failed',
        error: { code: 'server_error', message: end.error.message },
      };
    case 'cancelled':
      return { ...NOTHING, status: 'cancelled', output: outputOf(of, end.events) };
  }
}

/** The time of its last event; of a run that sent none, `finishedAt`; else now. */
export function completedAt(
  { result }: RunEnd & { readonly type: 'result' },
  finishedAt?: string,
): number {
  const at = result.events.at(-1)?.createdAt ?? finishedAt;
  return Math.floor((at === undefined ? Date.now() : Date.parse(at)) / 1000);
}

/** The question to the user that a response ended with. */
export function questionIn({
  result: { question },
}: RunEnd & { readonly type: 'result' }): Pick<ResponseState, 'questionId'> {
  return question?.audience === 'contact' ? { questionId: question.questionId } : {};
}

export function usageOf(result: Pick<RunResult, 'usage'>): object {
  const { input, cached, output, total } = tokensOf(result);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: total,
  };
}

export function textPart(text: string, annotations: readonly Annotation[] = []): TextPart {
  return { type: 'output_text', text, annotations, logprobs: [] };
}

/** A citation in the text, after as much of it. */
export function annotation(citation: Citation, text: string): Annotation {
  return { type: 'url_citation', ...citation, ...positionAfter(text) };
}

/** The text of a message with all that it cites. */
export function citingPart(event: NewEvent, addressOf: FileAddress): TextPart {
  const text = assistantText(event) ?? '';
  return textPart(
    text,
    citationsOf(event, addressOf).map((citation) => annotation(citation, text)),
  );
}

/** The id of what a model thought, or of statuses: by the position in the output. */
export function reasoningId(runId: string, index: number): string {
  return `${openAiId('rs', runId)}_${index}`;
}

export function reasoningItem(id: string, text: string): ReasoningItem {
  return { id, type: 'reasoning', summary: [{ type: 'summary_text', text }] };
}

function outputOf(
  { runId, addressOf }: Pick<ResponseOf, 'runId' | 'addressOf'>,
  events: readonly NewEvent[],
): OutputItem[] {
  const output: OutputItem[] = [];
  for (const event of events) {
    const reasoning = reasoningOf(event);
    if (reasoning) output.push(reasoningItem(reasoningId(runId, output.length), reasoning));
    const message = messageOf(event, { runId, addressOf });
    if (message) output.push(message);
  }
  return output;
}

function messageOf(
  event: NewEvent,
  { runId, addressOf }: Pick<ResponseOf, 'runId' | 'addressOf'>,
): MessageItem | undefined {
  if (assistantText(event) === undefined) return undefined;
  const part = citingPart(event, addressOf);
  if (part.text === '' && part.annotations.length === 0) return undefined;
  return {
    id: messageId(event.id, runId),
    type: 'message',
    role: 'assistant',
    status: event.data['partial'] === true ? 'incomplete' : 'completed',
    content: [part],
  };
}
