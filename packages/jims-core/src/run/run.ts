import type { Pipeline } from '../pipeline/pipeline.ts';
import type { AnswerRule, IdempotencyKey, OnBusy, RunThread } from '../store/store.ts';
import type { TraceIds } from '../telemetry/tracing.ts';
import { CONVERSATION_STARTED, newEvent } from '../thread/event.ts';
import type { NewEvent } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';
import type { Thread } from '../thread/thread.ts';
import type { ListenOptions, RunEvents, EventLog } from './event-log.ts';
import type { RunEnd, RunPosition } from './run-events.ts';

/** What to run, and on which thread. */
export interface RunRequest {
  readonly thread: RunThread;
  /** What starts the run, usually the user's message; made with `newEvent`. Its id becomes the run's. */
  readonly incoming?: NewEvent;
  /** Runs the app's conversation-start pipeline first when this run makes its thread; default false. */
  readonly conversationStart?: boolean;
  /**
   * Runs the app's conversation-start pipeline instead of its pipeline, for a greeting before the first message:
   * then `incoming` is left out. Default false.
   */
  readonly greets?: boolean;
  /** What to do when the thread has an active run; default: the limit `onBusy`. */
  readonly onBusy?: OnBusy;
  /** A request with the key of an earlier one gets the run of the earlier one. */
  readonly idempotency?: Omit<IdempotencyKey, 'ttlMs'>;
  /** How long the pipeline may take, in milliseconds, when that is less than the limit. */
  readonly timeoutMs?: number;
  /**
   * The contact whose share of runs this one uses until it is over; see `RunLimits.maxRunsPerCaller`.
   * Without it the run counts for nobody.
   */
  readonly caller?: string;
  /** Who made the request; the pipeline sees it as `ctx.principal`. */
  readonly principal?: Principal;
  /** Runs this pipeline instead of the app's. Such a run is never durable, and answers no question. */
  readonly pipeline?: Pipeline;
  /** What the message has to do with questions; default: it answers the open question of its thread. */
  readonly answer?: AnswerRule;
  /** The files that `incoming` names, by id: its data has them as `files`. */
  readonly files?: readonly string[];
  /** Whether the client has a way to answer a question; default true. */
  readonly canAnswer?: boolean;
  /** Whether the run is to stop when nobody reads it any more: then it does not outlive its process. */
  readonly stopsUnread?: boolean;
  /** The id of the request, for the log. */
  readonly requestId?: string;
  /** Cancels the run when it aborts. */
  readonly signal?: AbortSignal;
}

/** The event that starts a run, if one does. */
export function incomingOf({ greets, incoming }: RunRequest): Pick<RunRequest, 'incoming'> {
  if (greets) return { incoming: newEvent(CONVERSATION_STARTED, {}) };
  return incoming ? { incoming } : {};
}

/** Which run failed, for reports. */
export interface FailedRun {
  readonly runId: string;
  readonly threadId: string;
  readonly requestId: string | undefined;
  /** The span of its pipeline, where an OpenTelemetry SDK is set up. */
  readonly trace?: TraceIds;
}

/** How the readers of a run act on it. */
export interface RunControl {
  attach(leaving: 'continue' | 'cancel'): () => void;
  cancel(): void;
}

/** The events of a run. */
export type RunEventSource = Pick<EventLog, 'attempt' | 'end' | 'endPosition' | 'listen'>;

/** What identifies a run. */
export interface RunIdentity {
  readonly runId: string;
  readonly thread: Thread;
  readonly createdThread: boolean;
}

/** For runs that are over. */
const NO_CONTROL: RunControl = { attach: () => () => {}, cancel() {} };

/**
 * One execution of a pipeline on a thread. Its message is stored. It may run in this process, or in
 * another one, or be over.
 *
 * @example
 * const run = await app.runs.start({ contactId: 'customer:42', message: 'Hello' });
 * for await (const event of run.listen()) {
 *   if (event.type === 'delta') process.stdout.write(event.delta);
 * }
 * const end = await run.end;
 */
export class Run {
  readonly id: string;
  readonly thread: Thread;
  /** Whether this run made its thread. */
  readonly createdThread: boolean;
  /** Whether the request had the idempotency key of an earlier one, whose run this is. */
  readonly replayed: boolean;
  readonly #events: RunEventSource;
  readonly #control: RunControl;

  /** @internal Made by `app.runs`. */
  constructor(
    { runId, thread, createdThread }: RunIdentity,
    events: RunEventSource,
    control: RunControl = NO_CONTROL,
    isReplayed = false,
  ) {
    this.id = runId;
    this.thread = thread;
    this.createdThread = createdThread;
    this.replayed = isReplayed;
    this.#events = events;
    this.#control = control;
  }

  /** The newest attempt that is known: 1, and one more each time that the run ran again. */
  get attempt(): number {
    return this.#events.attempt;
  }

  /** The position of its last event; `undefined` while it is not over. */
  get endPosition(): RunPosition | undefined {
    return this.#events.endPosition;
  }

  /** Resolves when the run is over, however it ended; never rejects. */
  get end(): Promise<RunEnd> {
    return this.#events.end;
  }

  /**
   * Gives the events of the run, those of the past and then those to come, until its end: that is the
   * last event, and there is only one. With `after` it begins after that position. The text that was
   * missed of a message comes as one delta, long text as several. When the run is lost and runs
   * again, `restarted` says so.
   */
  listen(options?: ListenOptions): RunEvents {
    return this.#events.listen(options);
  }

  /**
   * Counts a reader of the run in this process. Call the function that it returns when the reader
   * leaves. The run stops with the reason `disconnected` when the last reader has left and one of them
   * left with `cancel`. This does not stop a run of another process.
   */
  attach(leaving: 'continue' | 'cancel'): () => void {
    return this.#control.attach(leaving);
  }

  /** Stops the run: `ctx.signal` aborts, listeners get `cancelled`. Does nothing when it is over. */
  cancel(): void {
    this.#control.cancel();
  }
}

/** The same run, for a request that was sent before. */
export function replayed(run: Run): Run {
  return new Run(identityOf(run), run, run, true);
}

/** Gives what identifies a run, for a copy of it. */
export function identityOf({ id: runId, thread, createdThread }: Run): RunIdentity {
  return { runId, thread, createdThread };
}
