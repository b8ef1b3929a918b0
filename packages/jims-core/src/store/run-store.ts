import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import type { Thread } from '../thread/thread.ts';
import type { EventPosition } from './thread-store.ts';

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

export type RunStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

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
