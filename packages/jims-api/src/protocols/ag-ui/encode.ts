import type { NewEvent, Run, RunResult, ThreadEvent } from 'jims-core';
import { MAX_PIECE_CHARS } from 'jims-core/host';
import type { ModelUsage } from 'jims-core/llm';

import { isWanted, reasonOf } from '../../chat/answer-run.ts';
import { assistantText, buttonsOf, userText } from '../../chat/messages.ts';
import { toldRun } from '../../chat/text-stream.ts';
import type { ToldEvent } from '../../chat/text-stream.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import type { Sees, ViewOptions } from '../../chat/visibility.ts';
import { toHttpError } from '../../http/error-response.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';

/** What is sent of AG-UI 1.0. Members without a value are left out: the client refuses `null`. */
type AgUiEvent =
  | ({ readonly type: 'RUN_STARTED'; readonly metadata?: object } & ClientIds)
  | ({
      readonly type: 'RUN_FINISHED';
      readonly result?: object;
      readonly usage?: readonly TokenUsage[];
      readonly outcome?: { readonly type: 'cancelled' };
    } & ClientIds)
  | { readonly type: 'RUN_ERROR'; readonly message: string; readonly code: string }
  | {
      readonly type: 'TEXT_MESSAGE_START';
      readonly messageId: string;
      readonly role: 'assistant';
    }
  | {
      readonly type: 'TEXT_MESSAGE_CONTENT';
      readonly messageId: string;
      readonly delta: string;
    }
  | { readonly type: 'TEXT_MESSAGE_END'; readonly messageId: string }
  | { readonly type: 'MESSAGES_SNAPSHOT'; readonly messages: readonly object[] }
  | { readonly type: 'CUSTOM'; readonly name: string; readonly value: object };

/** Of one model. */
interface TokenUsage {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  /** A part of the input. */
  readonly cachedInputTokens: number;
}

/** The ids of a run as its client names them. */
export interface ClientIds {
  readonly threadId: string;
  readonly runId: string;
}

/** A run, by the names that its client gave it. */
export async function* encodeStream(
  run: Run,
  { threadId, runId }: ClientIds,
  options: ViewOptions,
): AsyncGenerator<SseFrame, void, void> {
  const ids = { threadId, runId };
  const metadata = { thread_id: run.thread.id, run_id: run.id };
  yield frame({ type: 'RUN_STARTED', ...ids, metadata });
  for await (const event of toldRun(run)) {
    switch (event.type) {
      case 'result': {
        const usage = options.seesModels ? event.result.usage?.map(usageOf) : undefined;
        const result = resultOf(run, event.result);
        yield frame({ type: 'RUN_FINISHED', ...ids, result, ...(usage && { usage }) });
        break;
      }
      case 'cancelled':
        // A client that is cut off by the service must not take what it has for the whole answer.
        yield isWanted(event.reason)
          ? frame({ type: 'RUN_FINISHED', ...ids, outcome: { type: 'cancelled' } })
          : failure(event, options);
        break;
      case 'error':
        yield failure(event, options);
        break;
      default:
        yield* encode(event, options.sees).map(frame);
    }
  }
}

/** What was said in a thread, as a run of its own. */
export async function* encodeSnapshot(
  events: readonly ThreadEvent[],
  { threadId, runId }: ClientIds,
): AsyncGenerator<SseFrame, void, void> {
  yield frame({ type: 'RUN_STARTED', threadId, runId });
  yield frame({ type: 'MESSAGES_SNAPSHOT', messages: events.flatMap(toMessage) });
  yield frame({ type: 'RUN_FINISHED', threadId, runId });
}

type Told = Exclude<ToldEvent, { type: 'result' | 'cancelled' | 'error' }>;

function encode(event: Told, sees: Sees): AgUiEvent[] {
  switch (event.type) {
    case 'status': {
      const { message, statusType } = event.status;
      const value = { status: message, type: statusType };
      return [{ type: 'CUSTOM', name: 'jims.status', value }];
    }
    case 'text_start':
      return [{ type: 'TEXT_MESSAGE_START', messageId: event.messageId, role: 'assistant' }];
    case 'text_delta':
      return [{ type: 'TEXT_MESSAGE_CONTENT', messageId: event.messageId, delta: event.delta }];
    case 'text_end':
      return [{ type: 'TEXT_MESSAGE_END', messageId: event.messageId }];
    case 'event':
      return besideText(event.event, sees);
  }
}

/** What an event is beside its text: buttons, or something of the app's own. */
function besideText(event: NewEvent, sees: Sees): AgUiEvent[] {
  const { id, type, data } = event;
  const buttons = buttonsOf(event);
  if (buttons.length > 0)
    return [{ type: 'CUSTOM', name: type, value: { message_id: id, buttons } }];
  return isAppEvent(event, sees) ? [{ type: 'CUSTOM', name: type, value: data }] : [];
}

/** Messages that are longer than a piece are in the stream alone: none of its lines gets long. */
function resultOf(run: Run, { events }: RunResult): object {
  const texts = events.flatMap((event) => assistantText(event) ?? []);
  return {
    thread_id: run.thread.id,
    created_new_thread: run.createdThread,
    ...(texts.join('').length <= MAX_PIECE_CHARS && { assistant_messages: texts }),
  };
}

function usageOf({ model, promptTokens, completionTokens, cachedTokens }: ModelUsage): TokenUsage {
  return {
    model,
    inputTokens: promptTokens,
    outputTokens: completionTokens,
    totalTokens: promptTokens + completionTokens,
    cachedInputTokens: cachedTokens,
  };
}

function toMessage(event: ThreadEvent): object[] {
  const asked = userText(event);
  if (asked !== undefined) return [{ id: event.id, role: 'user', content: asked }];
  const content = assistantText(event);
  return content === undefined ? [] : [{ id: event.id, role: 'assistant', content }];
}

function failure(end: Parameters<typeof reasonOf>[0], options: ViewOptions): SseFrame {
  const { message, code } = toHttpError(reasonOf(end), options);
  // A failing pipeline has no code on JIMS's own routes.
  return frame({ type: 'RUN_ERROR', message, code: code ?? 'pipeline_error' });
}

function frame(event: AgUiEvent): SseFrame {
  return { data: jsonText(event) };
}
