import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import type { NewThread, Thread } from '../thread/thread.ts';

/**
 * Where threads, events and runs are kept. Two stores implement it with the same promises:
 *
 * - Every method is one transaction: what it resolves with is durable, what it rejects with has
 *   left nothing behind. A database that does not answer rejects with `store_unavailable`.
 * - Events of a thread are ordered by `(createdAt, id)`. Under the thread's lock the store makes
 *   `createdAt` strictly increasing, by the database's clock.
 * - At most one run of a thread is `running`. `acceptRun`, `finishRun` and `reapRuns` are the only
 *   places where a run's status changes hands; no lock is held between them.
 */
export interface Store extends ThreadStore, RunStore, InstanceStore, AsyncDisposable {
  /** For messages to people: the kind and place of the database, without a password. */
  readonly description: string;
  /** What whoever opens it should be warned of. */
  readonly notice?: string | undefined;
  /** Whether several processes may work on it at once, so that runs are to be followed from outside. */
  readonly shared: boolean;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /**
   * Removes what is older than it may be, and goes on with an erasure that was interrupted: a bounded
   * amount, so it is to be called again while there is more. Several processes may do so at once.
   */
  purge(limits: PurgeLimits): Promise<PurgeResult>;
  close(): Promise<void>;
}

/** Threads and their events. */
export interface ThreadStore {
  /**
   * Gets the thread by `threadId`, or the contact's by `externalId`, or makes it with its
   * `thread_created` event. Of several with one external id the newest counts.
   */
  openThread(spec: NewThread): Promise<{ thread: Thread; created: boolean }>;
  thread(threadId: string): Promise<Thread | undefined>;
  threadByExternalId(contactId: string, externalId: string): Promise<Thread | undefined>;
  latestThread(contactId: string): Promise<Thread | undefined>;
  /** Threads, newest first, within the bounds of the query. */
  listThreads(query: ThreadQuery): Promise<ThreadList>;
  /** Replaces the config; `undefined` when there is no such thread. */
  updateThreadConfig(threadId: string, config: JsonObject): Promise<Thread | undefined>;
  /**
   * Removes threads with their events and runs, and resolves with their ids when all of it is gone.
   *
   * However much there is, it goes in pieces of bounded time. The first pieces take the threads
   * themselves: an active run of a thread is fenced out in the same transaction, and from then on
   * nobody finds the thread, its runs or their idempotency keys. Meanwhile other readers may still see
   * those threads of the contact whose turn has not come, each of them whole; what is left of a
   * thread that is gone is seen by nobody that looks for the thread first. When the process ends in
   * the middle, `purge` removes the rest.
   */
  deleteThreads(which: { threadId: string } | { contactId: string }): Promise<readonly string[]>;

  /**
   * Appends events outside a run, in the order given.
   *
   * @throws JimsError `thread_not_found`; with `whenIdle` `thread_busy` when a run of the thread is not
   * over.
   */
  appendEvents(
    threadId: string,
    events: readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<readonly ThreadEvent[]>;
  /** The newest events of a thread, as many as the bounds of `tail` let through. */
  readTail(threadId: string, tail: TailQuery): Promise<LogTail>;
  /** Events after a position, in order, of some domains or of all, within the bounds of `page`. */
  pageEvents(threadId: string, page: EventPage): Promise<EventList>;
  /**
   * Calls `wake` whenever the log of a thread may have grown, or the thread may be gone: at once for
   * what this process writes, within about half a second for others. It may be called in vain, but not
   * before this method has returned. Returns what ends it.
   */
  watchThread(threadId: string, wake: () => void): () => void;
}

/** Runs: their state machine, and what others may know of them. */
export interface RunStore {
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
   *
   * The same once more, as after an answer that was lost, gives the same events, and changes nothing.
   */
  finishRun(run: RunOwner, outcome: RunOutcomeRecord): Promise<FinishResult>;
  run(runId: string): Promise<RunRecord | undefined>;
  /** The run that a key is remembered for. */
  runIdByKey(key: Pick<IdempotencyKey, 'scope' | 'key'>): Promise<string | undefined>;
  /** The id of the run that is `running` in a thread; what waits in line comes after it. */
  activeRun(threadId: string): Promise<string | undefined>;
  /** Asks whoever runs it to stop it. Resolves with its status; `undefined` when there is no such run. */
  requestCancel(runId: string): Promise<RunStatus | undefined>;
  /** How these runs stand, and which active runs of this process are asked to stop. */
  pollRuns(instanceId: string, runIds: readonly string[]): Promise<readonly PolledRun[]>;
  /**
   * Keeps what running runs have sent so far, for those that follow them from another process; what
   * comes from an attempt that is over is left out. A store that is not shared keeps nothing.
   */
  appendProgress(news: readonly RunOwnProgress[]): Promise<void>;
  /** How runs stand, and what they sent after what was seen of them; unknown runs are left out. */
  readProgress(seen: readonly SeenRun[]): Promise<readonly RunNews[]>;
}

/** The processes that run runs. */
export interface InstanceStore {
  /** Says that a process lives: its lease ends `leaseMs` from now, by the database's clock. */
  renewLease(instanceId: string, leaseMs: number): Promise<void>;
  /** Takes a process off, so that what it still holds can be reaped at once. */
  endLease(instanceId: string): Promise<void>;
  /** Marks the runs of dead processes `failed` with code `lost` and starts who waits behind them. */
  reapRuns(): Promise<ReapResult>;
  /** Calls `wake` when another process did something to a run of this one. Only a hint: it may be lost. */
  listen(instanceId: string, wake: () => void): Promise<void>;
}

export type RunStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Names an event's place in the order of its thread. */
export interface EventPosition {
  readonly createdAt: string;
  readonly id: string;
}

/**
 * How much one call may read: rows by number, and what they hold by bytes of JSON text. The first row
 * comes however large it is, so that a reader that goes on gets to the end.
 */
export interface ReadBounds {
  readonly limit: number;
  /** Default: {@link READ_BYTES}. */
  readonly maxBytes?: number;
}

/** What one call reads at most, unless it says otherwise: more at once would hold up all others. */
export const READ_BYTES: number = 1024 * 1024;

export interface EventPage extends ReadBounds {
  readonly after?: EventPosition;
  /** Only events of these domains. */
  readonly domains?: readonly string[];
}

export interface AppendOptions {
  /** Appends only when no run of the thread runs or waits; default false. */
  readonly whenIdle?: boolean;
}

/** A part of a thread's log. */
export interface EventList {
  readonly events: readonly ThreadEvent[];
  /**
   * The last position that was looked at, also when its event is of another domain: where to read on.
   * `undefined` when there was nothing to look at.
   */
  readonly last: EventPosition | undefined;
  /** Whether the log goes on after `last`. `events` may be empty then, when only some domains are wanted. */
  readonly more: boolean;
}

export interface TailQuery {
  /** Only events after this one. */
  readonly after?: EventPosition;
  /** Only events before this one. */
  readonly before?: EventPosition;
  /** How much of the log is read, in bytes of JSON text; the newest event comes however large it is. */
  readonly maxBytes: number;
}

/** The end of a thread's log. */
export interface LogTail {
  /** In order. */
  readonly events: readonly ThreadEvent[];
  /** Whether there are older events (after `after`) that are left out. */
  readonly isCut: boolean;
  /** When it is cut: the newest event of each `state.set.*` type that `events` has none of, in order. */
  readonly states: readonly ThreadEvent[];
}

export interface ThreadQuery extends ReadBounds {
  readonly contactId?: string;
  readonly externalId?: string;
  /** Leaves out threads whose external id another thread took over; default: they are there. */
  readonly current?: boolean;
  /** Threads older than this one. */
  readonly before?: EventPosition;
}

/** A part of a list of threads. */
export interface ThreadList {
  readonly threads: readonly Thread[];
  /** Whether there are more after the last one. */
  readonly more: boolean;
}

/** The thread that a run is for. */
export type RunThread =
  /**
   * This thread; with `contactId` it must be the contact's, with `after` nothing may run in it, and
   * nothing may have been said behind that event.
   */
  | {
      readonly kind: 'thread';
      readonly threadId: string;
      readonly contactId?: string;
      readonly after?: EventPosition;
    }
  /** The contact's latest thread, made when there is none. */
  | { readonly kind: 'latest'; readonly contactId: string; readonly threadConfig: JsonObject }
  /** The contact's thread of this external id; made when there is none, to begin with these events. */
  | {
      readonly kind: 'external';
      readonly contactId: string;
      readonly externalId: string;
      readonly threadConfig: JsonObject;
      readonly events: readonly NewEvent[];
    }
  /**
   * A new one, which begins with these events and takes over the external id from the contact's thread
   * that has it: that one is superseded. With `replaces` it must be this thread that has it.
   */
  | {
      readonly kind: 'new';
      /** Its id, a new UUID, for who has to know it before. */
      readonly threadId?: string;
      readonly contactId: string;
      readonly externalId?: string;
      readonly replaces?: string;
      readonly threadConfig: JsonObject;
      readonly events: readonly NewEvent[];
    };

/** Makes a repeated request the same run. */
export interface IdempotencyKey {
  /** Who asks: two callers may use the same key for different things. */
  readonly scope: string;
  readonly key: string;
  /** A digest of what is asked for. */
  readonly fingerprint: string;
  /** How long the key is remembered after the run was accepted. */
  readonly ttlMs: number;
}

/** What a run does when its thread has another one: wait in line, refuse, or stop what is before it. */
export type OnBusy = 'queue' | 'reject' | 'interrupt';

export interface AcceptRequest {
  /** A new UUIDv7: old runs are found by the time in it. */
  readonly runId: string;
  readonly instanceId: string;
  readonly thread: RunThread;
  /**
   * What starts the run; none for a run that only the server wants. Its event has the id of the run: so
   * it is stored once, however often a lost run is run again.
   */
  readonly incoming?: Omit<NewEvent, 'id'>;
  /** Leaves the incoming event out of a new thread's log until `appendInRun` or `finishRun` stores it. */
  readonly holdIncomingOnNewThread: boolean;
  readonly onBusy: OnBusy;
  /** How many runs may wait in one thread. */
  readonly queueLimit: number;
  readonly idempotency?: IdempotencyKey;
  /** What the caller has read of the thread that it expects, so that accepting brings the rest along. */
  readonly known?: { readonly threadId: string; readonly after: EventPosition };
}

export type AcceptResult =
  | AcceptedRun
  /** The idempotency key is that of this run, which is not to be run again. */
  | { readonly kind: 'existing'; readonly runId: string }
  /** The idempotency key belongs to another request. */
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'thread_not_found' }
  /** It went on after the event that the request continues, or another thread took its external id. */
  | { readonly kind: 'thread_moved' }
  | { readonly kind: 'thread_busy' }
  | { readonly kind: 'queue_full' };

export interface AcceptedRun {
  readonly kind: 'accepted';
  /** The request's own id, or that of the lost run that the idempotency key runs again. */
  readonly runId: string;
  /** 1, and one more each time that a lost run is run again. */
  readonly attempt: number;
  readonly thread: Thread;
  readonly createdThread: boolean;
  /** Whether the conversation start of this run is in the log already, by an earlier attempt. */
  readonly started: boolean;
  readonly status: 'queued' | 'running';
  /** The runs before this one that were asked to stop, by `onBusy: 'interrupt'`. */
  readonly interrupted: readonly StartedRun[];
  /**
   * What the thread has, brought along for a running run of a new thread or of the known one; not when
   * it is more than {@link FRESH_EVENTS} or {@link FRESH_BYTES}.
   */
  readonly fresh?: FreshEvents;
}

/** How much accepting a run brings along at most: it is done in one piece. */
export const FRESH_EVENTS = 1000;
export const FRESH_BYTES: number = 1024 * 1024;

/** The events of a thread after a position, all of them without one. */
export interface FreshEvents {
  readonly after: EventPosition | undefined;
  readonly events: readonly ThreadEvent[];
}

/**
 * Who may write for a run: the process that runs this attempt of it, and nobody after it has ended. A
 * process that was taken for dead may meet its own run again, as the next attempt.
 */
export interface RunOwner {
  readonly runId: string;
  readonly attempt: number;
  readonly threadId: string;
  readonly instanceId: string;
}

export interface RunOutcomeRecord {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly events: readonly NewEvent[];
  readonly error?: RunErrorRecord;
  /** What models the run used; kept as it is. */
  readonly usage?: readonly JsonObject[];
  /** How many run events it told, its last one included. */
  readonly lastSeq: number;
  /** What it told since the last `appendProgress`; kept with its end, if the store is shared. */
  readonly progress?: readonly RunProgress[];
}

export interface RunErrorRecord {
  readonly code: string;
  readonly message: string;
}

export type FinishResult =
  | {
      readonly kind: 'finished';
      readonly events: readonly ThreadEvent[];
      readonly next: StartedRun | undefined;
    }
  /** The run is no longer this process's to end; nothing was written. */
  | { readonly kind: 'fenced' };

/** A run, and the process that has it. */
export interface StartedRun {
  readonly runId: string;
  readonly instanceId: string;
}

/** All that is kept of a run. Times are UTC with microseconds. */
export interface RunRecord {
  readonly runId: string;
  readonly thread: Thread;
  readonly instanceId: string;
  readonly status: RunStatus;
  /** How a queued run will end, as nobody waits for it any more. */
  readonly withdrawnAs: RunOutcomeRecord['status'] | undefined;
  readonly attempt: number;
  readonly createdThread: boolean;
  readonly acceptedAt: string;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** What started it, once it is in the log or while it waits. */
  readonly incoming: NewEvent | undefined;
  /** What its conversation start sent. */
  readonly startEvents: readonly ThreadEvent[];
  /** What it sent; none while it is not over. */
  readonly events: readonly ThreadEvent[];
  readonly error: RunErrorRecord | undefined;
  readonly usage: readonly JsonObject[] | undefined;
  /** `undefined` while it is not over, and for a lost run. */
  readonly lastSeq: number | undefined;
}

export interface PolledRun extends StartedRun {
  readonly attempt: number;
  readonly status: RunStatus;
  readonly cancelRequested: boolean;
}

/** A run event as JSON, by its place among the run's events (1 is the first). */
export interface RunProgress {
  readonly seq: number;
  readonly event: JsonObject;
}

/** What a run has sent since the last time. */
export interface RunOwnProgress {
  readonly owner: RunOwner;
  readonly progress: readonly RunProgress[];
}

/** How much of a run was seen. */
export interface SeenRun {
  readonly runId: string;
  readonly attempt: number;
  readonly afterSeq: number;
}

/** What is new of a run: of an attempt that was not seen, everything. */
export interface RunNews {
  readonly runId: string;
  readonly attempt: number;
  readonly status: RunStatus;
  readonly progress: readonly RunProgress[];
}

export interface ReapResult {
  /** How many runs were marked lost. */
  readonly lost: number;
  readonly started: readonly StartedRun[];
}

/** Ages in milliseconds. What is left out is kept. */
export interface PurgeLimits {
  /** Threads without an event or an active run for so long, with all that belongs to them. */
  readonly idleThreadsMs?: number;
  /** Rows of finished runs; the events they sent stay. */
  readonly finishedRunsMs: number;
  /** The progress of finished runs. */
  readonly progressMs: number;
  /** How many threads and how many runs to remove at most. */
  readonly batch: number;
}

export interface PurgeResult {
  readonly threadIds: readonly string[];
  readonly runs: number;
  /** Whether there may be more to remove. */
  readonly more: boolean;
}
