import type { Pipeline } from '../pipeline/pipeline.ts';
import type { IdempotencyKey, OnBusy, RunThread } from '../store/store.ts';
import type { TraceIds } from '../telemetry/tracing.ts';
import type { NewEvent } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';
import type { Thread } from '../thread/thread.ts';
import type { RunEnd, RunPosition } from './run-events.ts';
import type { ListenOptions, RunEvents } from './run-stream.ts';

/** What to run, and on which thread. */
export interface RunRequest {
  readonly thread: RunThread;
  /** What starts the run, usually the user's message; made with `newEvent`. Its id becomes the run's. */
  readonly incoming?: NewEvent;
  /** Runs the app's conversation-start pipeline first when this run makes its thread; default false. */
  readonly conversationStart?: boolean;
  /** When the thread has an active run; default is the limit `onBusy`, which is `queue`. */
  readonly onBusy?: OnBusy;
  /** Makes the same request, sent again, the same run. */
  readonly idempotency?: Omit<IdempotencyKey, 'ttlMs'>;
  /** How long the pipeline may take, when that is less than the limit. */
  readonly timeoutMs?: number;
  /**
   * The contact that the run counts for, as long as it is not over; see `RunLimits.maxRunsPerCaller`.
   * Without it the run counts for nobody.
   */
  readonly caller?: string;
  /** Who asks; the pipeline sees it as `ctx.principal`. */
  readonly principal?: Principal;
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
  /** Whether it is an earlier run, found again by its idempotency key. */
  readonly replayed: boolean;
  /** The attempt that is executed, as far as is known: 1, and one more each time that it ran again. */
  readonly attempt: number;
  /**
   * Everything that happened in the run after `after` (from its beginning without it) and live, to
   * its one last event. What a joiner missed of a message comes as one delta, a long text as some.
   * When the run is lost and runs again meanwhile, `restarted` says so.
   */
  listen(options?: ListenOptions): RunEvents;
  /** The position of its last event; `undefined` while it is not over. */
  readonly endPosition: RunPosition | undefined;
  /** Resolves when the run is over, however it ended; never rejects. */
  readonly end: Promise<RunEnd>;
  /**
   * Counts a reader of the run in this process; what it gives is to be called when that reader leaves.
   * When the last one leaves, and the leaving of one of them meant `cancel`, the run is stopped with
   * the reason `disconnected`. A run of another process is not stopped so.
   */
  attach(leaving: 'continue' | 'cancel'): () => void;
  /** Stops the run: `ctx.signal` aborts, listeners get `cancelled`. Nothing when it is over. */
  cancel(): void;
}

/** Which run failed, for reports. */
export interface FailedRun {
  readonly runId: string;
  readonly threadId: string;
  readonly requestId: string | undefined;
  /** The span of its pipeline, where somebody traces. */
  readonly trace?: TraceIds;
}

export interface RunLimits {
  /** Runs at once in this process, waiting ones included. */
  readonly maxRuns: number;
  /** Runs at once of one caller in this process, waiting ones included; `undefined`: a tenth of `maxRuns`. */
  readonly maxRunsPerCaller: number | undefined;
  /** Runs that may wait in one thread. */
  readonly queueLimit: number;
  /** What a run does when its thread has another one and its request does not say. */
  readonly onBusy: OnBusy;
  /** How long a pipeline may take. */
  readonly timeoutMs: number;
  /** How long a pipeline may go on after it was told to stop. */
  readonly graceMs: number;
  /** How long this process is taken for alive after it was last heard of. */
  readonly leaseMs: number;
  /** How much a pipeline may send in one run. */
  readonly maxOutputBytes: number;
  /**
   * How much of its thread's log a run loads, in bytes: the newest events, and of what is older the
   * newest value of each state. See `ThreadContext.isCut`.
   */
  readonly maxThreadSize: number;
  /** How long an idempotency key is remembered. */
  readonly idempotencyTtlMs: number;
  /** How long a thread without a new event is kept; `undefined`: for ever. */
  readonly retentionMs: number | undefined;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;

export const DEFAULT_RUN_LIMITS: RunLimits = {
  maxRuns: 1024,
  maxRunsPerCaller: undefined,
  queueLimit: 64,
  onBusy: 'queue',
  timeoutMs: 300 * SECOND,
  graceMs: 5 * SECOND,
  leaseMs: 15 * SECOND,
  maxOutputBytes: 32 * 1024 * 1024,
  maxThreadSize: 16 * 1024 * 1024,
  idempotencyTtlMs: 24 * HOUR,
  retentionMs: undefined,
};
