import type { NewEvent, QuestionRecord, Run, RunEnd, RunResult } from 'jims-core';
import { MAX_PIECE_CHARS } from 'jims-core/host';
import type { ModelUsage } from 'jims-core/llm';

import { isWanted, reasonOf } from '../../chat/answer-run.ts';
import type { FileAddress } from '../../chat/file-address.ts';
import { assistantText, questionIdOf } from '../../chat/messages.ts';
import { textEvents } from '../../chat/text-stream.ts';
import type { TextDelta, TextEvent } from '../../chat/text-stream.ts';
import { isAppEvent } from '../../chat/visibility.ts';
import type { Sees, ViewOptions } from '../../chat/visibility.ts';
import { asksYesOrNo } from '../../chat/yes-or-no.ts';
import { toHttpError } from '../../http/error-response.ts';
import { SLOT, jsonTemplate } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { Expansion } from '../../http/sse/ready-iterator.ts';
import type { ReadyIterable } from '../../http/sse/ready-iterator.ts';
import { buttonsEvents, fileEvent, frame, outcomeBy, sourceEvent, started } from './events.ts';
import type { AgUiEvent, ClientRun, Ending, TokenUsage } from './events.ts';
import { OpenSteps } from './steps.ts';
import { questionCall, reasoningEnd, reasoningStart, resultOf, toolEvents } from './work.ts';
import type { ToolEvent } from './work.ts';

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
  /** What the user said to a question of yes or no: the end of its tool call. */
  readonly said?: Said | undefined;
}

/** What was said to a question of yes or no. */
export interface Said {
  readonly questionId: string;
  readonly content: string;
}

/** A run, by the names that its client gave it. */
export function encodeStream(
  run: Run,
  client: ClientRun,
  options: StreamOptions,
): ReadyIterable<SseFrame> {
  const { threadId, runId } = client;
  const ids = { threadId, runId };
  const steps = new OpenSteps();
  const within = { ...options, runId: run.id };
  const metadata = { thread_id: run.thread.id, run_id: run.id };
  const { said } = options;
  const ended = said ? [frame(resultOf(said.questionId, said.content))] : [];
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
    { first: [started(client, metadata), ...ended] },
  );
}

function ending(run: Run, ended: RunResult, options: StreamOptions): Ending {
  const { usage } = ended;
  const question = options.question ?? ended.question;
  return {
    result: outputOf(run, ended),
    ...(options.seesModels && usage && { usage: usage.map(usageOf) }),
    ...(question && options.interrupts && outcomeBy(question)),
  };
}

interface WithinOptions extends StreamOptions {
  readonly runId: string;
}

type WithinRun = Exclude<TextEvent, TextDelta | RunEnd | { readonly type: 'step' }>;

function encode(event: WithinRun, options: WithinOptions): AgUiEvent[] {
  const { sees, fileAddress, runId } = options;
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
      return [sourceEvent(event.messageId, event.source)];
    case 'file':
      return [fileEvent(event.messageId, event.file, fileAddress)];
    case 'event':
      return [...callOf(event.event, options), ...besideText(event.event, sees)];
  }
}

/** An open question of yes or no. */
function callOf(event: NewEvent, { interrupts, question }: StreamOptions): ToolEvent[] {
  const id = questionIdOf(event);
  const isOpen = interrupts && (question === undefined || question.state === 'open');
  return id !== undefined && isOpen && asksYesOrNo(event) ? questionCall(id, event) : [];
}

/** Clients keep it as a message of the thread, so no other run has the same. */
function reasoningId({ reasoningId: id }: { readonly reasoningId: string }, runId: string): string {
  return `${runId}:${id}`;
}

/** What an event has beside its text: buttons, or the app's own data. */
function besideText(event: NewEvent, sees: Sees): AgUiEvent[] {
  const buttons = buttonsEvents(event);
  if (buttons.length > 0) return buttons;
  const { type: name, data: value } = event;
  return isAppEvent(event, sees) ? [{ type: 'CUSTOM', name, value }] : [];
}

/** Messages longer than a piece are only in the stream, so that no line of it gets long. */
function outputOf(run: Run, { events }: RunResult): object {
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

function failure(end: Parameters<typeof reasonOf>[0], options: ViewOptions): SseFrame {
  const { message, code } = toHttpError(reasonOf(end), options);
  // A failing pipeline has no code on JIMS's own routes.
  return frame({ type: 'RUN_ERROR', message, code: code ?? 'pipeline_error' });
}
