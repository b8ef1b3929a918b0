// The response object: how a run looks from outside.
import type { NewEvent, RunEnd } from 'jims-core';

import { secondsOf } from '../../http/openai/ids.ts';
import { assistantText } from '../../http/said.ts';
import { tokensOf } from '../../http/usage.ts';
import type { Asked } from './asked.ts';
import { conversationId, messageId, responseId } from './ids.ts';

/** Whose response it is. */
export interface ResponseOf {
  readonly runId: string;
  readonly threadId: string;
  readonly asked: Asked;
}

export interface ResponseState {
  readonly status: 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled';
  readonly output: readonly OutputItem[];
  readonly error: { readonly code: 'server_error'; readonly message: string } | null;
  readonly usage: object | null;
}

export type OutputItem = MessageItem | ReasoningItem;

export interface MessageItem {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly status: 'in_progress' | 'completed' | 'incomplete';
  readonly content: readonly TextPart[];
}

/** What the app was doing: statuses have no other place in a response. */
export interface ReasoningItem {
  readonly id: string;
  readonly type: 'reasoning';
  readonly summary: readonly SummaryPart[];
}

export interface TextPart {
  readonly type: 'output_text';
  readonly text: string;
  readonly annotations: readonly [];
  readonly logprobs: readonly [];
}

interface SummaryPart {
  readonly type: 'summary_text';
  readonly text: string;
}

export function responseObject(
  { runId, threadId, asked }: ResponseOf,
  state: ResponseState,
): object {
  return {
    id: responseId(runId),
    object: 'response',
    created_at: secondsOf(runId),
    status: state.status,
    background: asked.background ?? false,
    error: state.error,
    incomplete_details: null,
    instructions: asked.instructions ?? null,
    metadata: { ...asked.metadata, thread_id: threadId },
    model: asked.model,
    output: state.output,
    parallel_tool_calls: true,
    previous_response_id: asked.previous_response_id ?? null,
    conversation: asked.conversation ? { id: conversationId(threadId) } : null,
    temperature: null,
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    usage: state.usage,
  };
}

/** What a run that is over left behind. */
export function stateOfEnd(runId: string, end: RunEnd): ResponseState {
  const nothing = { output: [], error: null, usage: null };
  switch (end.type) {
    case 'result': {
      const { events } = end.result;
      return {
        ...nothing,
        status: 'completed',
        output: outputOf(runId, events),
        usage: usageOf(end),
      };
    }
    case 'error':
      return { ...nothing, status: 'failed', error: failure(end.error.message) };
    case 'cancelled':
      return { ...nothing, status: 'cancelled', output: outputOf(runId, end.events) };
  }
}

export function failure(message: string): NonNullable<ResponseState['error']> {
  return { code: 'server_error', message };
}

export function usageOf(end: RunEnd & { readonly type: 'result' }): object {
  const { input, cached, output, total } = tokensOf(end.result);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: total,
  };
}

export function textPart(text: string): TextPart {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

function outputOf(runId: string, events: readonly NewEvent[]): MessageItem[] {
  return events.flatMap((event): MessageItem[] => {
    const text = assistantText(event);
    if (!text) return [];
    return [
      {
        id: messageId(event.id, runId),
        type: 'message',
        role: 'assistant',
        status: event.data['partial'] === true ? 'incomplete' : 'completed',
        content: [textPart(text)],
      },
    ];
  });
}
