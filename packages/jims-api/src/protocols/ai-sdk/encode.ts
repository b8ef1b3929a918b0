import type { NewEvent, Run, RunResult } from 'jims-core';

import { isWanted, reasonOf } from '../../chat/answer-run.ts';
import { isEnd, textEvents } from '../../chat/text-stream.ts';
import type { TextDelta, TextEvent, TitledStep } from '../../chat/text-stream.ts';
import { tokensOf } from '../../chat/usage.ts';
import type { Sees, ViewOptions } from '../../chat/visibility.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import { toHttpError } from '../../http/error-response.ts';
import { SLOT, jsonTemplate, jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { answerId, partsBesideText } from './ui-messages.ts';
import type { DataPart } from './ui-messages.ts';

/** What is sent of the UI message stream, version 1. */
type Chunk =
  | { readonly type: 'start'; readonly messageId: string; readonly messageMetadata: Metadata }
  | { readonly type: 'start-step' | 'finish-step' }
  | { readonly type: 'text-start' | 'text-end'; readonly id: string }
  | { readonly type: 'text-delta'; readonly id: string; readonly delta: string }
  | {
      readonly type: 'data-status';
      readonly data: { readonly status: string; readonly type: string };
      readonly transient: true;
    }
  | {
      readonly type: 'data-event';
      readonly data: { readonly event_type: string; readonly event_data: object };
      readonly transient: true;
    }
  | DataPart
  | ToolChunk
  | { readonly type: 'finish'; readonly finishReason: 'stop'; readonly messageMetadata: Metadata }
  | { readonly type: 'abort'; readonly reason: string }
  | { readonly type: 'error'; readonly errorText: string };

/** A step, as a tool that the client does not know and that is called on the server. */
type ToolChunk = {
  readonly toolCallId: string;
  readonly dynamic: true;
  readonly providerExecuted: true;
} & (
  | {
      readonly type: 'tool-input-available';
      readonly toolName: 'step';
      readonly title: string;
      readonly input: object;
    }
  | { readonly type: 'tool-output-available'; readonly output: null }
  | { readonly type: 'tool-output-error'; readonly errorText: string }
);

/** Kept by the client with the message, and sent back with it. */
interface Metadata {
  readonly thread_id: string;
  readonly run_id: string;
  /** Of all models together, by the AI SDK's names; at the end. */
  readonly usage?: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly totalTokens: number;
    readonly cachedInputTokens: number;
  };
}

const DONE: SseFrame = { data: '[DONE]' };

const textDelta = jsonTemplate({ type: 'text-delta', id: SLOT, delta: SLOT } satisfies Chunk);

/** A run as one UI message, from its beginning: each message of the app is one of its text parts. */
export function encodeStream(run: Run, options: ViewOptions): ReadyIterable<SseFrame> {
  const metadata: Metadata = { thread_id: run.thread.id, run_id: run.id };
  const start: Chunk = { type: 'start', messageId: answerId(run.id), messageMetadata: metadata };
  return new Expansion(
    textEvents(run),
    (event) => {
      if (event.type === 'text_delta') return [{ data: textDelta(event.messageId, event.delta) }];
      const frames = encode(event, metadata, options).map(frame);
      return isEnd(event) ? [...frames, DONE] : frames;
    },
    { first: [frame(start), frame({ type: 'start-step' })] },
  );
}

type Other = Exclude<TextEvent, TextDelta>;

function encode(event: Other, metadata: Metadata, options: ViewOptions): Chunk[] {
  switch (event.type) {
    case 'status': {
      const { message, statusType } = event.status;
      const data = { status: message, type: statusType };
      return [{ type: 'data-status', data, transient: true }];
    }
    case 'step':
      return [toolChunk(event.step, metadata.run_id)];
    case 'text_start':
      return [{ type: 'text-start', id: event.messageId }];
    case 'text_end':
      return [{ type: 'text-end', id: event.messageId }];
    case 'event':
      return besideText(event.event, options.sees);
    case 'result': {
      const messageMetadata = { ...metadata, ...usageOf(event.result) };
      return [{ type: 'finish-step' }, { type: 'finish', finishReason: 'stop', messageMetadata }];
    }
    case 'cancelled':
      // A client that is cut off by the service must not take what it has for the whole answer.
      return isWanted(event.reason)
        ? [{ type: 'abort', reason: event.reason }]
        : [failure(event, options)];
    case 'error':
      return [failure(event, options)];
  }
}

function failure(end: Parameters<typeof reasonOf>[0], options: ViewOptions): Chunk {
  return { type: 'error', errorText: toHttpError(reasonOf(end), options).message };
}

function toolChunk({ number, title, status }: TitledStep, runId: string): ToolChunk {
  const step = {
    toolCallId: `${runId}:step-${number}`,
    dynamic: true,
    providerExecuted: true,
  } as const;
  switch (status) {
    case 'running':
      return { type: 'tool-input-available', ...step, toolName: 'step', title, input: {} };
    case 'completed':
      return { type: 'tool-output-available', ...step, output: null };
    case 'failed':
      return { type: 'tool-output-error', ...step, errorText: `${title}: failed` };
  }
}

/** What an event has beside its text: a question, buttons, or the app's own data. */
function besideText(event: NewEvent, sees: Sees): Chunk[] {
  const parts = partsBesideText(event);
  if (parts.length > 0) return parts;
  if (!isAppEvent(event, sees)) return [];
  const data = { event_type: event.type, event_data: event.data };
  return [{ type: 'data-event', data, transient: true }];
}

function usageOf(result: RunResult): Pick<Metadata, 'usage'> {
  if (!result.usage) return {};
  const { input, output, total, cached } = tokensOf(result);
  return {
    usage: {
      inputTokens: input,
      outputTokens: output,
      totalTokens: total,
      cachedInputTokens: cached,
    },
  };
}

function frame(chunk: Chunk): SseFrame {
  return { data: jsonText(chunk) };
}
