import type { JimsError } from '../errors/jims-error.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { AgentStatus } from '../pipeline/thread-context.ts';
import type { NewEvent, ThreadEvent } from '../thread/event.ts';

/** What a listener of a run sees, as it happens. The last one is a {@link RunEnd}, and only that. */
export type RunEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  /** A piece of a message; the pieces of a `messageId` put together are its content. */
  | { readonly type: 'delta'; readonly messageId: string; readonly delta: string }
  /** Something that the pipeline sent; it is in the log when the run ends with `result`. */
  | { readonly type: 'event'; readonly event: NewEvent }
  /** The run was lost and runs again as this attempt: nothing that came before counts any more. */
  | { readonly type: 'restarted'; readonly attempt: number }
  | RunEnd;

/** How a run ended. */
export type RunEnd =
  /** Committed: the events are in the log. */
  | { readonly type: 'result'; readonly result: RunResult }
  /** Failed: none of the run's events is in the log. */
  | { readonly type: 'error'; readonly error: JimsError }
  /** Stopped by somebody: `events` are in the log, what the user had seen of its messages. */
  | {
      readonly type: 'cancelled';
      readonly reason: CancelReason;
      readonly events: readonly ThreadEvent[];
      /** Only the listening ended, as this process stops: the run goes on in another one. */
      readonly goesOn?: true;
    };

/**
 * Why a run was stopped: on request, by a newer message, because nobody reads it any more whose
 * connection it depended on, or because its process ends.
 */
export type CancelReason = 'cancelled' | 'interrupted' | 'disconnected' | 'shutting_down';

export interface RunResult {
  /** What the conversation-start pipeline sent, when it ran. */
  readonly startEvents: readonly ThreadEvent[];
  /** What the pipeline sent, in order. */
  readonly events: readonly ThreadEvent[];
  /** What models it used, its conversation start included; absent when it used none. */
  readonly usage?: readonly ModelUsage[];
}

/** Where an event is in a run: the attempt that it is of, and its number there; 1 is the first. */
export interface RunPosition {
  readonly attempt: number;
  readonly seq: number;
}

/** A run event with its position. Several deltas may come as one, with the position of the last. */
export type NumberedRunEvent = RunEvent & RunPosition;

/**
 * The number of the end of an attempt that was lost, as nobody knows how many events it had. No
 * attempt has so many.
 */
export const SEQ_OF_LOST_END = 999_999_999;

/** True when `position` comes after `other`. */
export function isAfter(position: RunPosition, other: RunPosition): boolean {
  return position.attempt === other.attempt
    ? position.seq > other.seq
    : position.attempt > other.attempt;
}

/** True for the last event of a run. */
export function isRunEnd(event: RunEvent): event is RunEnd {
  return event.type === 'result' || event.type === 'error' || event.type === 'cancelled';
}
