import type { NewEvent, Run, RunResult } from 'jims-core';

import { isWanted, reasonOf } from '../../chat/answer-run.ts';
import { isEnd, textEvents } from '../../chat/text-stream.ts';
import type { TextDelta, TextEvent } from '../../chat/text-stream.ts';
import { tokensOf } from '../../chat/usage.ts';
import type { Sees, ViewOptions } from '../../chat/visibility.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import { toHttpError } from '../../http/error-response.ts';
import { SLOT, jsonTemplate, jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { approvalPart } from './approvals.ts';
import type { ApprovalResponse } from './approvals.ts';
import { approvalChunks, respondedChunk, stepChunk, toolChunk } from './chunks.ts';
import type { Chunk, Metadata } from './chunks.ts';
import { answerId, filePart, partsBesideText, sourcePart } from './ui-messages.ts';

const DONE: SseFrame = { data: '[DONE]' };
const STEP = frame({ type: 'start-step' });

const textDelta = jsonTemplate({ type: 'text-delta', id: SLOT, delta: SLOT } satisfies Chunk);

export interface StreamOptions extends ViewOptions {
  /** Where clients get a file. */
  readonly fileAddress: (fileId: string) => string;
  /** What was approved or denied: the client adds the answer to the message that asked, which keeps its id. */
  readonly approval?: ApprovalResponse | undefined;
  /** For a client that comes back to an answer that it has begun: what it has of it is replaced. */
  readonly isAgain?: boolean;
  /** For a client that comes back until it has a `finish`, also of an answer that was stopped. */
  readonly finishes?: boolean;
}

/** Keeps a silent stream alive, for clients that cannot see comments. */
export const HEARTBEAT: SseFrame = frame({ type: 'data-heartbeat', data: null, transient: true });

/** A run as one UI message, from its beginning: each message of the app is one of its text parts. */
export function encodeStream(run: Run, options: StreamOptions): ReadyIterable<SseFrame> {
  const metadata: Metadata = { thread_id: run.thread.id, run_id: run.id };
  return new Expansion(
    textEvents(run, { seesWork: options.seesWork }),
    (event) => {
      if (event.type === 'text_delta') return [{ data: textDelta(event.messageId, event.delta) }];
      const frames = encode(event, metadata, options).map(frame);
      return isEnd(event) ? [...frames, DONE] : frames;
    },
    { first: options.isAgain ? [frame({ type: 'reset-step' })] : beginning(metadata, options) },
  );
}

function beginning(messageMetadata: Metadata, { approval }: StreamOptions): SseFrame[] {
  if (approval) {
    const start = frame({ type: 'start', messageMetadata });
    return [start, frame(respondedChunk(approval)), STEP];
  }
  const messageId = answerId(messageMetadata.run_id);
  return [frame({ type: 'start', messageId, messageMetadata }), STEP];
}

type Other = Exclude<TextEvent, TextDelta>;

function encode(event: Other, metadata: Metadata, options: StreamOptions): Chunk[] {
  switch (event.type) {
    case 'status': {
      const { message, statusType } = event.status;
      const data = { status: message, type: statusType };
      return [{ type: 'data-status', data, transient: true }];
    }
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
      if (!isWanted(event.reason)) return [failure(event, options)];
      return [{ type: 'abort', reason: event.reason }, ...ending(metadata, options)];
    case 'error':
      return [failure(event, options)];
    default:
      return [workChunk(event, metadata.run_id, options)];
  }
}

type WorkOrPart = Extract<
  Other,
  {
    readonly type:
      | 'step'
      | 'tool'
      | 'reasoning_start'
      | 'reasoning_delta'
      | 'reasoning_end'
      | 'source'
      | 'file';
  }
>;

/** What a run does, and what its messages have beside text. */
function workChunk(event: WorkOrPart, runId: string, { fileAddress }: StreamOptions): Chunk {
  switch (event.type) {
    case 'step':
      return stepChunk(event.step, runId);
    case 'tool':
      return toolChunk(event.tool);
    case 'reasoning_start':
      return { type: 'reasoning-start', id: event.reasoningId };
    case 'reasoning_delta':
      return { type: 'reasoning-delta', id: event.reasoningId, delta: event.delta };
    case 'reasoning_end':
      return { type: 'reasoning-end', id: event.reasoningId };
    case 'source':
      return sourcePart(event.source);
    case 'file': {
      // The client leaves out a `filename` here.
      const { url, mediaType, filename } = filePart(event.file, fileAddress);
      return { type: 'file', url, mediaType, providerMetadata: { jims: { filename } } };
    }
  }
}

function ending(messageMetadata: Metadata, { finishes }: StreamOptions): Chunk[] {
  return finishes ? [{ type: 'finish', finishReason: 'other', messageMetadata }] : [];
}

function failure(end: Parameters<typeof reasonOf>[0], options: ViewOptions): Chunk {
  return { type: 'error', errorText: toHttpError(reasonOf(end), options).message };
}

/** What an event has beside its text: a question, buttons, or the app's own data. */
function besideText(event: NewEvent, sees: Sees): Chunk[] {
  const approval = approvalPart(event);
  const parts = [...(approval ? approvalChunks(approval) : []), ...partsBesideText(event)];
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
