import type { JimsError } from '../errors/jims-error.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { ToolNews } from '../pipeline/message-part.ts';
import type { StepNews } from '../pipeline/step.ts';
import type { AgentStatus } from '../pipeline/thread-context.ts';
import type { QuestionRecord } from '../store/store.ts';
import type { NewEvent, ThreadEvent } from '../thread/event.ts';
import type { MessageFile, MessageSource } from '../thread/message.ts';

/** What a listener of a run gets, as it happens. The last one, and no other, is a {@link RunEnd}. */
export type RunEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  /** A piece of a message: all pieces with this `messageId` together are its content. */
  | { readonly type: 'delta'; readonly messageId: string; readonly delta: string }
  /** A piece of what a model thinks while it makes a message. */
  | { readonly type: 'reasoning'; readonly messageId: string; readonly delta: string }
  /** A tool is called for a message, or is done. */
  | { readonly type: 'tool'; readonly messageId: string; readonly tool: ToolNews }
  /** A source of a message; it is in the message's event, too. */
  | { readonly type: 'source'; readonly messageId: string; readonly source: MessageSource }
  /** A file of a message, which is stored; it is in the message's event, too. */
  | { readonly type: 'file'; readonly messageId: string; readonly file: MessageFile }
  /** A step began, or is over. */
  | { readonly type: 'step'; readonly step: StepNews }
  /** An event that the pipeline sent; it is in the log when the run ends with `result`. */
  | { readonly type: 'event'; readonly event: NewEvent }
  /** The run was lost and runs again as this attempt: what came before does not count any more. */
  | { readonly type: 'restarted'; readonly attempt: number }
  | RunEnd;

/** How a run ended. */
export type RunEnd =
  /** Completed: its events are in the log. */
  | { readonly type: 'result'; readonly result: RunResult }
  /** Failed: none of the run's events is in the log. */
  | { readonly type: 'error'; readonly error: JimsError }
  /**
   * Stopped on purpose: what the user has seen of its messages is in the log, as `events`. They are empty
   * when its process ends and its request has an idempotency key: sent again, it runs from its beginning.
   */
  | {
      readonly type: 'cancelled';
      readonly reason: CancelReason;
      readonly events: readonly ThreadEvent[];
      /** Only the listening ended, as this process stops: the run goes on in another process. */
      readonly goesOn?: true;
    };

/**
 * Why a run was stopped: on request, by a newer message, because its last reader left, or because its
 * process ends.
 */
export type CancelReason = 'cancelled' | 'interrupted' | 'disconnected' | 'shutting_down';

/** What a run sent, as it is stored. */
export interface RunResult {
  /** The events of the conversation-start pipeline, when it ran. */
  readonly startEvents: readonly ThreadEvent[];
  /** The events of the pipeline, in order. */
  readonly events: readonly ThreadEvent[];
  /** The usage of models, conversation start included; absent when no model was used. */
  readonly usage?: readonly ModelUsage[];
  /** The question that the run ended with: its answer is the next run. */
  readonly question?: QuestionRecord;
}

/** The position of an event in a run: its attempt, and its number there, from 1 on. */
export interface RunPosition {
  readonly attempt: number;
  readonly seq: number;
}

/** A run event with its position. Several deltas may come as one, with the position of the last. */
export type NumberedRunEvent = RunEvent & RunPosition;

/** A piece of a message, or of what a model thinks for it. */
export type TextPiece = NumberedRunEvent & { readonly type: 'delta' | 'reasoning' };

export function isText(event: NumberedRunEvent): event is TextPiece {
  return event.type === 'delta' || event.type === 'reasoning';
}

/** Whether two pieces of text, one after the other, may come as one. */
export function areJoined(piece: TextPiece, next: TextPiece): boolean {
  return piece.type === next.type && piece.messageId === next.messageId;
}

/**
 * The number of the end of an attempt that was lost, as nobody knows how many events it had. No
 * attempt has so many.
 */
export const SEQ_OF_LOST_END = 999_999_999;

/** Tells whether `position` comes after `other`. */
export function isAfter(position: RunPosition, other: RunPosition): boolean {
  return position.attempt === other.attempt
    ? position.seq > other.seq
    : position.attempt > other.attempt;
}

/**
 * Tells whether an event is the last one of its run.
 *
 * @example
 * for await (const event of run.listen()) {
 *   if (isRunEnd(event)) console.log(`The run ended with ${event.type}`);
 * }
 */
export function isRunEnd(event: RunEvent): event is RunEnd {
  return event.type === 'result' || event.type === 'error' || event.type === 'cancelled';
}
