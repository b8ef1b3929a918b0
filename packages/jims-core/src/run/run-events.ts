import type { JimsError } from '../errors.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { NewEvent, ThreadEvent } from '../thread/event.ts';
import type { AgentStatus } from '../thread/thread-context.ts';

/** What a listener of a run sees, as it happens. The last one is a {@link RunEnd}, and only that. */
export type RunEvent =
  | { readonly type: 'status'; readonly status: AgentStatus }
  /** A piece of a message; the pieces of a `messageId` put together are its content. */
  | { readonly type: 'delta'; readonly messageId: string; readonly delta: string }
  /** Something that the pipeline sent; it is in the log when the run ends with `result`. */
  | { readonly type: 'event'; readonly event: NewEvent }
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
    };

/** Asked for, overtaken by a newer message, or the process was told to end. */
export type CancelReason = 'cancelled' | 'interrupted' | 'shutting_down';

export interface RunResult {
  /** What the conversation-start pipeline sent, when it ran. */
  readonly startEvents: readonly ThreadEvent[];
  /** What the pipeline sent, in order. */
  readonly events: readonly ThreadEvent[];
  /** What models it used, its conversation start included; absent when it used none. */
  readonly usage?: readonly ModelUsage[];
}

/** A run event and its place in the run: 1 is the first. Several deltas may come as one, with the last one's place. */
export type NumberedRunEvent = RunEvent & { readonly seq: number };

/** True for the last event of a run. */
export function isRunEnd(event: RunEvent): event is RunEnd {
  return event.type === 'result' || event.type === 'error' || event.type === 'cancelled';
}
