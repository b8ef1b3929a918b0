import type { Pipeline } from '../pipeline.ts';
import type { RunThread } from '../store/store.ts';
import type { NewEvent } from '../thread/event.ts';
import type { Thread } from '../thread/thread.ts';
import type { RunEnd, RunEvent } from './run-events.ts';

/** What to run, and on which thread. */
export interface RunRequest {
  readonly thread: RunThread;
  /** What starts the run, usually the user's message; made with `newEvent`. */
  readonly incoming?: NewEvent;
  /** Runs the app's conversation-start pipeline first when this run makes its thread; default false. */
  readonly conversationStart?: boolean;
  /** When the thread has an active run: wait in line (default) or refuse. */
  readonly onBusy?: 'queue' | 'reject';
  /** Instead of the app's pipeline. */
  readonly pipeline?: Pipeline;
  /** Who asked, for the log of a failure. */
  readonly requestId?: string;
  /** Cancels the run when it aborts. */
  readonly signal?: AbortSignal;
}

/** One execution of a pipeline on a thread, accepted: its question is kept. */
export interface Run {
  readonly id: string;
  readonly thread: Thread;
  /** Whether this run made its thread. */
  readonly createdThread: boolean;
  /** Everything that happened in the run so far and live, to its one last event. */
  listen(): AsyncGenerator<RunEvent, void, void>;
  /** Resolves when the run is over, however it ended; never rejects. */
  readonly end: Promise<RunEnd>;
  /** Stops the run: `ctx.signal` aborts, listeners get `cancelled`. Nothing when it is over. */
  cancel(): void;
}

export interface RunLimits {
  /** Runs at once in this process, waiting ones included. */
  readonly maxRuns: number;
  /** Runs that may wait in one thread. */
  readonly queueLimit: number;
  /** How long a pipeline may take. */
  readonly timeoutMs: number;
  /** How long a pipeline may go on after it was told to stop. */
  readonly graceMs: number;
  /** How long this process is taken for alive after it was last heard of. */
  readonly leaseMs: number;
  /** How much a pipeline may send in one run. */
  readonly maxOutputBytes: number;
}

export const DEFAULT_RUN_LIMITS: RunLimits = {
  maxRuns: 1024,
  queueLimit: 64,
  timeoutMs: 300_000,
  graceMs: 5000,
  leaseMs: 15_000,
  maxOutputBytes: 32 * 1024 * 1024,
};
