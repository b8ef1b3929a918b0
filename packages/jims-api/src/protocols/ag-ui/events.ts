// What is sent of AG-UI 1.0, in a run and for a thread that is loaded.
import type { MessageFile, MessageSource, NewEvent, QuestionRecord } from 'jims-core';

import type { FileAddress } from '../../chat/file-address.ts';
import { buttonsOf, questionIdOf } from '../../chat/messages.ts';
import { jsonText } from '../../http/fastapi/json-pieces.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { interruptBy } from './interrupts.ts';
import type { InterruptOutcome } from './interrupts.ts';
import type { StepEvent } from './steps.ts';
import type { ReasoningEvent, ToolEvent } from './work.ts';

/** Members without a value are left out: the client refuses `null`. */
export type AgUiEvent =
  | ({
      readonly type: 'RUN_STARTED';
      readonly protocolVersion: '1.0';
      readonly metadata?: object;
    } & ClientRun)
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
export interface Ending {
  readonly result?: object;
  readonly usage?: readonly TokenUsage[];
  readonly outcome?: { readonly type: 'cancelled' } | InterruptOutcome;
}

/** The tokens of one model. */
export interface TokenUsage {
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

export interface ClientRun extends ClientIds {
  /** The run that the client says has led to this one: it is repeated. */
  readonly parentRunId?: string | null | undefined;
}

export function frame(event: AgUiEvent): SseFrame {
  return { data: jsonText(event) };
}

/** The beginning of a run. */
export function started({ threadId, runId, parentRunId }: ClientRun, metadata?: object): SseFrame {
  return frame({
    type: 'RUN_STARTED',
    protocolVersion: '1.0',
    threadId,
    runId,
    ...(typeof parentRunId === 'string' && { parentRunId }),
    ...(metadata && { metadata }),
  });
}

/** The outcome of a run whose question is open. */
export function outcomeBy(question: QuestionRecord): Pick<Ending, 'outcome'> {
  const { audience, state } = question;
  return audience === 'contact' && state === 'open' ? { outcome: interruptBy(question) } : {};
}

export function sourceEvent(messageId: string, source: MessageSource): AgUiEvent {
  return custom('jims.source', messageId, source);
}

export function fileEvent(messageId: string, file: MessageFile, address: FileAddress): AgUiEvent {
  return custom('jims.file', messageId, { ...file, url: address(file.file_id) });
}

function custom(name: string, message_id: string, value: object): AgUiEvent {
  return { type: 'CUSTOM', name, value: { message_id, ...value } };
}

export function buttonsEvents(event: NewEvent): AgUiEvent[] {
  const buttons = buttonsOf(event);
  if (buttons.length === 0) return [];
  const question_id = questionIdOf(event);
  const named = question_id !== undefined && { question_id };
  return [custom(event.type, event.id, { buttons, ...named })];
}
