import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import type { NewThread, Thread } from '../thread/thread.ts';

/**
 * Where threads, events and runs are kept. Two stores implement it with the same promises:
 *
 * - Every method is one transaction: what it resolves with is durable, what it rejects with has
 *   left nothing behind. A database that does not answer rejects with `store_unavailable`.
 * - Events of a thread are ordered by `(createdAt, id)`. Under the thread's lock the store makes
 *   `createdAt` strictly increasing, by the database's clock.
 * - At most one run of a thread is `running`. `acceptRun` and `finishRun` are the only places where
 *   a run's status changes hands; no lock is held between them.
 */
export interface Store extends AsyncDisposable {
  /** For messages to people: the kind and place of the database, without a password. */
  readonly description: string;

  /** Resolves when the database answers. */
  ping(): Promise<void>;

  /** Gets the thread by `threadId` or `externalId`, or makes it with its `thread_created` event. */
  openThread(spec: NewThread): Promise<{ thread: Thread; created: boolean }>;
  thread(threadId: string): Promise<Thread | undefined>;
  threadByExternalId(externalId: string): Promise<Thread | undefined>;
  latestThread(contactId: string): Promise<Thread | undefined>;

  /** Appends events outside a run, in the order given. */
  appendEvents(threadId: string, events: readonly NewEvent[]): Promise<readonly ThreadEvent[]>;
  /** The events after `after` (all without it), in order. */
  readEvents(threadId: string, after?: EventPosition): Promise<readonly ThreadEvent[]>;

  /** Commits an incoming message as a run: at once when the thread is free, else in its queue. */
  acceptRun(request: AcceptRequest): Promise<AcceptResult>;
  /**
   * Appends events inside a running run, for good: its conversation start, then its held question.
   * Resolves with what was appended, the question included.
   */
  appendInRun(
    run: RunOwner,
    events: readonly NewEvent[],
  ): Promise<readonly ThreadEvent[] | 'fenced'>;
  /**
   * Ends a run: outcome and events in one transaction, and the next of the queue is started. A run
   * that still waits is withdrawn: its question is stored, and it ends so, when its turn comes.
   */
  finishRun(run: RunOwner, outcome: RunOutcomeRecord): Promise<FinishResult>;
  /** What became of runs that this process waits for. Unknown ids are left out. */
  runStatuses(runIds: readonly string[]): Promise<ReadonlyMap<string, RunStatus>>;

  /** Says that a process lives: its lease ends `leaseMs` from now, by the database's clock. */
  renewLease(instanceId: string, leaseMs: number): Promise<void>;
  /** Takes a process off, so that what it still holds can be reaped at once. */
  endLease(instanceId: string): Promise<void>;
  /** Marks the runs of dead processes `failed` with code `lost` and starts who waits behind them. */
  reapRuns(): Promise<ReapResult>;
  /** Calls `onStarted` when another process started a queued run of this one. Only a hint: it may be lost. */
  listen(instanceId: string, onStarted: (runId: string) => void): Promise<void>;

  close(): Promise<void>;
}

export type RunStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Names an event's place in the order of its thread. */
export interface EventPosition {
  readonly createdAt: string;
  readonly id: string;
}

/** The thread that a run is for. */
export type RunThread =
  /** This thread; with `contactId` it must be the contact's. */
  | { readonly kind: 'thread'; readonly threadId: string; readonly contactId?: string }
  /** The contact's latest thread, made when there is none. */
  | { readonly kind: 'latest'; readonly contactId: string; readonly threadConfig: JsonObject };

export interface AcceptRequest {
  readonly runId: string;
  readonly instanceId: string;
  readonly thread: RunThread;
  /** What starts the run; none for a run that only the server wants. */
  readonly incoming?: NewEvent;
  /** Leaves the incoming event out of a new thread's log until `appendInRun` or `finishRun` stores it. */
  readonly holdIncomingOnNewThread: boolean;
  readonly onBusy: 'queue' | 'reject';
  /** How many runs may wait in one thread. */
  readonly queueLimit: number;
  /** What the caller has read of the thread that it expects, so that accepting brings the rest along. */
  readonly known?: { readonly threadId: string; readonly after: EventPosition };
}

export type AcceptResult =
  | AcceptedRun
  | { readonly kind: 'thread_not_found' }
  | { readonly kind: 'thread_busy' }
  | { readonly kind: 'queue_full' };

export interface AcceptedRun {
  readonly kind: 'accepted';
  readonly thread: Thread;
  readonly createdThread: boolean;
  readonly status: 'queued' | 'running';
  /** What the thread has, brought along for a running run of a new thread or of the known one. */
  readonly fresh?: FreshEvents;
}

/** The events of a thread after a position, all of them without one. */
export interface FreshEvents {
  readonly after: EventPosition | undefined;
  readonly events: readonly ThreadEvent[];
}

/** Who may write for a run: the process that runs it, and nobody after the run has ended. */
export interface RunOwner {
  readonly runId: string;
  readonly threadId: string;
  readonly instanceId: string;
}

export interface RunOutcomeRecord {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly events: readonly NewEvent[];
  readonly error?: { readonly code: string; readonly message: string };
}

export type FinishResult =
  | {
      readonly kind: 'finished';
      readonly events: readonly ThreadEvent[];
      readonly next: StartedRun | undefined;
    }
  /** The run is no longer this process's to end; nothing was written. */
  | { readonly kind: 'fenced' };

/** A queued run that got its turn. */
export interface StartedRun {
  readonly runId: string;
  readonly instanceId: string;
}

export interface ReapResult {
  /** How many runs were marked lost. */
  readonly lost: number;
  readonly started: readonly StartedRun[];
}
