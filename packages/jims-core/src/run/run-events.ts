import type { JimsError } from '../errors.ts';
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
  | { readonly type: 'cancelled' };

export interface RunResult {
  /** What the conversation-start pipeline sent, when it ran. */
  readonly startEvents: readonly ThreadEvent[];
  /** What the pipeline sent, in order. */
  readonly events: readonly ThreadEvent[];
}
