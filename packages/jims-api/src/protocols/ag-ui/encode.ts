import type { NewEvent, QuestionRecord, Run, RunEnd, RunResult, ThreadEvent } from 'jims-core';
import { MAX_PIECE_CHARS } from 'jims-core/host';
import type { ModelUsage } from 'jims-core/llm';

import { isWanted, reasonOf } from '../../chat/answer-run.ts';
import type { FileAddress } from '../../chat/file-address.ts';
import {
  assistantText,
  buttonsOf,
  listedText,
  questionIdOf,
  userText,
} from '../../chat/messages.ts';
import { textEvents } from '../../chat/text-stream.ts';
import type { TextDelta, TextEvent } from '../../chat/text-stream.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import type { Sees, ViewOptions } from '../../chat/visibility.ts';
import { toHttpError } from '../../http/error-response.ts';
import { SLOT, jsonTemplate, jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { interruptBy } from './interrupts.ts';
import type { InterruptOutcome } from './interrupts.ts';
import { OpenSteps } from './steps.ts';
import type { StepEvent } from './steps.ts';
import { reasoningEnd, reasoningStart, toolEvents } from './work.ts';
import type { ReasoningEvent, ToolEvent } from './work.ts';

/** What is sent of AG-UI 1.0. Members without a value are left out: the client refuses `null`. */
type AgUiEvent =
  | ({ readonly type: 'RUN_STARTED'; readonly metadata?: object } & ClientIds)
  | ({ readonly type: 'RUN_FINISHED' } & ClientIds & Ending)
  | { readonly type: 'RUN_ERROR'; readonly message: string; readonly code: string }
  | StepEvent
  | ToolEvent
  | ReasoningEvent
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

/** How a run ended, when it did not fail. */
interface Ending {
  readonly result?: object;
  readonly usage?: readonly TokenUsage[];
  readonly outcome?: { readonly type: 'cancelled' } | InterruptOutcome;
}

/** The tokens of one model. */
interface TokenUsage {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  /** Part of the input tokens. */
  readonly cachedInputTokens: number;
}

/** The ids of a run as its client names them. */
export interface ClientIds {
  readonly threadId: string;
  readonly runId: string;
}

const textContent = jsonTemplate({
  type: 'TEXT_MESSAGE_CONTENT',
  messageId: SLOT,
  delta: SLOT,
} satisfies AgUiEvent);

export interface StreamOptions extends ViewOptions {
  readonly fileAddress: FileAddress;
  /** Whether the client answers interrupts; else a question is its message alone. */
  readonly interrupts: boolean;
  /** The question that the run ended with, as it is now; default: as it was then. */
  readonly question?: QuestionRecord | undefined;
}

/** A run, by the names that its client gave it. */
export function encodeStream(
  run: Run,
  { threadId, runId }: ClientIds,
  options: StreamOptions,
): ReadyIterable<SseFrame> {
  const ids = { threadId, runId };
  const steps = new OpenSteps();
  const metadata = { thread_id: run.thread.id, run_id: run.id };
  const within = { ...options, runId: run.id };
  return new Expansion(
    textEvents(run, { seesWork: options.seesWork }),
    (event) => {
      switch (event.type) {
        case 'text_delta':
          return [{ data: textContent(event.messageId, event.delta) }];
        case 'result':
          return [frame({ type: 'RUN_FINISHED', ...ids, ...ending(run, event.result, options) })];
        case 'step':
          return [frame(steps.read(event.step))];
        case 'cancelled':
          // A client that is cut off by the service must not take what it has for the whole answer.
          return isWanted(event.reason)
            ? [frame({ type: 'RUN_FINISHED', ...ids, outcome: { type: 'cancelled' } })]
            : [failure(event, options)];
        case 'error':
          return [failure(event, options)];
        default:
          return encode(event, within).map(frame);
      }
    },
    { first: [frame({ type: 'RUN_STARTED', ...ids, metadata })] },
  );
}

function ending(run: Run, ended: RunResult, options: StreamOptions): Ending {
  const { usage } = ended;
  const question = options.question ?? ended.question;
  const isInterrupt =
    options.interrupts && question?.audience === 'contact' && question.state === 'open';
  return {
    result: resultOf(run, ended),
    ...(options.seesModels && usage && { usage: usage.map(usageOf) }),
    ...(isInterrupt && { outcome: interruptBy(question) }),
  };
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

interface WithinOptions extends Pick<StreamOptions, 'sees' | 'fileAddress'> {
  readonly runId: string;
}

type WithinRun = Exclude<TextEvent, TextDelta | RunEnd | { readonly type: 'step' }>;

function encode(event: WithinRun, { sees, fileAddress, runId }: WithinOptions): AgUiEvent[] {
  switch (event.type) {
    case 'status': {
      const { message, statusType } = event.status;
      const value = { status: message, type: statusType };
      return [{ type: 'CUSTOM', name: 'jims.status', value }];
    }
    case 'text_start':
      return [{ type: 'TEXT_MESSAGE_START', messageId: event.messageId, role: 'assistant' }];
    case 'text_end':
      return [{ type: 'TEXT_MESSAGE_END', messageId: event.messageId }];
    case 'tool':
      return toolEvents(event.tool);
    case 'reasoning_start':
      return reasoningStart(reasoningId(event, runId));
    case 'reasoning_delta': {
      const messageId = reasoningId(event, runId);
      return [{ type: 'REASONING_MESSAGE_CONTENT', messageId, delta: event.delta }];
    }
    case 'reasoning_end':
      return reasoningEnd(reasoningId(event, runId));
    case 'source':
      return [custom('jims.source', event.messageId, event.source)];
    case 'file': {
      const url = fileAddress(event.file.file_id);
      return [custom('jims.file', event.messageId, { ...event.file, url })];
    }
    case 'event':
      return besideText(event.event, sees);
  }
}

/** Clients keep it as a message of the thread, so no other run has the same. */
function reasoningId({ reasoningId: id }: { readonly reasoningId: string }, runId: string): string {
  return `${runId}:${id}`;
}

function custom(name: string, message_id: string, value: object): AgUiEvent {
  return { type: 'CUSTOM', name, value: { message_id, ...value } };
}

/** What an event has beside its text: buttons, or the app's own data. */
function besideText(event: NewEvent, sees: Sees): AgUiEvent[] {
  const { id, type, data } = event;
  const buttons = buttonsOf(event);
  if (buttons.length > 0) {
    const question_id = questionIdOf(event);
    const named = question_id !== undefined && { question_id };
    return [{ type: 'CUSTOM', name: type, value: { message_id: id, buttons, ...named } }];
  }
  return isAppEvent(event, sees) ? [{ type: 'CUSTOM', name: type, value: data }] : [];
}

/** Messages longer than a piece are only in the stream, so that no line of it gets long. */
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
  const question = userText(event);
  if (question !== undefined) {
    return [{ id: event.id, role: 'user', content: listedText(event) ?? question }];
  }
  const content = assistantText(event);
  if (content === undefined) return [];
  const answer = { id: event.id, role: 'assistant', content };
  const { reasoning } = event.data;
  if (typeof reasoning !== 'string') return [answer];
  return [{ id: `${event.id}:reasoning`, role: 'reasoning', content: reasoning }, answer];
}

function failure(end: Parameters<typeof reasonOf>[0], options: ViewOptions): SseFrame {
  const { message, code } = toHttpError(reasonOf(end), options);
  // A failing pipeline has no code on JIMS's own routes.
  return frame({ type: 'RUN_ERROR', message, code: code ?? 'pipeline_error' });
}

function frame(event: AgUiEvent): SseFrame {
  return { data: jsonText(event) };
}
