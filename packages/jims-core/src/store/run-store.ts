import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import type { Thread } from '../thread/thread.ts';
import type {
  Audience,
  JournalEntry,
  KeptRun,
  NewQuestion,
  QuestionRecord,
  RunChain,
} from './chain-records.ts';
import type { EventPosition } from './thread-store.ts';

/** Runs: their state machine, and what other processes may know of them. */
export interface RunStore {
  /** Commits an incoming message as a run: it starts at once when the thread is free, else it waits in the thread's queue. */
  acceptRun(request: AcceptRequest): Promise<AcceptResult>;
  /**
   * Appends events inside a running run, for good: those of its conversation start, then the incoming
   * event that was held. Resolves with what was appended, the incoming event included.
   */
  appendInRun(
    run: RunOwner,
    events: readonly NewEvent[],
  ): Promise<readonly ThreadEvent[] | 'fenced'>;
  /**
   * Ends a run: outcome and events in one transaction, and the next run of the queue is started. A run
   * that still waits is withdrawn: its incoming event is stored, and it ends so, when its turn comes.
   *
   * The same call once more, as after an answer that was lost, gives the same events and changes nothing.
   */
  finishRun(run: RunOwner, outcome: RunOutcomeRecord): Promise<FinishResult>;
  run(runId: string): Promise<RunRecord | undefined>;
  /**
   * The runs of a thread whose incoming events are in its log, or wait: newest first, by their incoming
   * events; runs without one are left out.
   */
  listRuns(threadId: string, page: RunPage): Promise<RunList>;
  /**
   * The runs of several threads in one order, newest first, as `listRuns` has those of one. A read looks at the same
   * number of events in each thread, and ends where it knows no more of one of them: it may give few runs, or
   * none, and `next`.
   *
   * @param before Only runs whose incoming event is before this one.
   */
  listRunsOf(threadIds: readonly string[], before?: EventPosition): Promise<ThreadRunList>;
  /** Which runs made these events of a thread, as far as their records are still there: by event id. */
  runsOfEvents(
    threadId: string,
    events: readonly EventPosition[],
  ): Promise<ReadonlyMap<string, string>>;
  /** The run that a key is remembered for. */
  runIdByKey(key: Pick<IdempotencyKey, 'scope' | 'key'>): Promise<string | undefined>;
  /** The id of the run that is `running` in a thread; those in its queue come after it. */
  activeRun(threadId: string): Promise<string | undefined>;
  /**
   * Asks the process that has a run to stop it; a run of nobody ends at once. Withdraws the open question
   * of a run that is over. Resolves with its status; `undefined` when there is no such run.
   */
  requestCancel(runId: string): Promise<RunStatus | undefined>;
  /** The status of these runs, and the active runs of this process that are asked to stop. */
  pollRuns(instanceId: string, runIds: readonly string[]): Promise<readonly PolledRun[]>;
  /**
   * Keeps what running runs have sent so far, for those that follow them from another process. What
   * comes from an attempt that is over is left out. A store that is not shared keeps nothing.
   */
  appendProgress(news: readonly RunOwnProgress[]): Promise<void>;
  /** The status of runs, and what they sent after what was seen of them; unknown runs are left out. */
  readProgress(seen: readonly SeenRun[]): Promise<readonly RunNews[]>;
}

/** Where a run is in its life: `queued` and `running` are active, the others are final. */
export type RunStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

/** The thread that a run is for. */
export type RunThread =
  /**
   * This thread. With `contactId` it must be the contact's. With `after` nothing may run in it, and no
   * message may have come after that event.
   */
  | {
      readonly kind: 'thread';
      readonly threadId: string;
      readonly contactId?: string;
      readonly after?: EventPosition;
    }
  /** The contact's latest thread, or a new one where the contact has no thread. */
  | { readonly kind: 'latest'; readonly contactId: string; readonly threadConfig: JsonObject }
  /** The contact's thread of this external id, or else a new one, which begins with these events. */
  | {
      readonly kind: 'external';
      readonly contactId: string;
      readonly externalId: string;
      readonly threadConfig: JsonObject;
      readonly events: readonly NewEvent[];
    }
  /**
   * A new one, which begins with these events and takes over the external id from the contact's thread
   * that has it: that one is superseded. With `replaces` it must be this thread that has it; without an external
   * id this thread, which must have none, is superseded.
   */
  | {
      readonly kind: 'new';
      /** Its id, a new UUID, where the caller must know it before. */
      readonly threadId?: string;
      readonly contactId: string;
      readonly externalId?: string;
      readonly replaces?: string;
      readonly threadConfig: JsonObject;
      readonly events: readonly NewEvent[];
    };

/** Makes a repeated request the same run. */
export interface IdempotencyKey {
  /** Whose key it is: two callers may use the same key for different things. */
  readonly scope: string;
  readonly key: string;
  /** A digest of the request. */
  readonly fingerprint: string;
  /** How long the key is remembered after the run was accepted. */
  readonly ttlMs: number;
}

/** What a run does when its thread has another one: wait in the queue, be refused, or stop those before it. */
export type OnBusy = 'queue' | 'reject' | 'interrupt';

/** A message, and how its run is to be accepted. */
export interface AcceptRequest {
  /** A new UUIDv7: old runs are found by the time in it. */
  readonly runId: string;
  readonly instanceId: string;
  readonly thread: RunThread;
  /**
   * The event that starts the run; left out for a run that only the server wants. It gets the id of the
   * run, so that it is stored once, however often a lost run is run again.
   */
  readonly incoming?: Omit<NewEvent, 'id'>;
  /** Leaves the incoming event out of a new thread's log until `appendInRun` or `finishRun` stores it. */
  readonly holdIncomingOnNewThread: boolean;
  readonly onBusy: OnBusy;
  /** How many runs may wait in one thread. */
  readonly queueLimit: number;
  readonly idempotency?: IdempotencyKey;
  /**
   * What is kept of a durable run: it is not marked lost with its process, but goes on in another one.
   * A run that answers a question is durable in any case, with what its chain has kept.
   */
  readonly durable?: KeptRun;
  /** What the message has to do with questions; default `none`. */
  readonly answer?: AnswerRule;
  /**
   * The files that the message names. They must be `ready` and of the contact of the thread; they get its
   * thread, unless they have one, in the transaction that accepts the run.
   */
  readonly files?: readonly string[];
  /** What the caller has read of the thread that it expects, so that accepting brings the rest along. */
  readonly known?: { readonly threadId: string; readonly after: EventPosition };
}

/**
 * What a message has to do with questions. Whether a question is open is seen when the message is
 * accepted, and by the database's clock: one that has run out expires first.
 */
export type AnswerRule =
  /** It answers the open question to the contact of its thread, if there is one that accepts it. */
  | { readonly kind: 'open' }
  /** It answers this question, which must be open and have this audience. */
  | { readonly kind: 'question'; readonly questionId: string; readonly audience: Audience }
  /** It answers nothing, and withdraws the open question to the contact. */
  | { readonly kind: 'decline' }
  /** It answers nothing. */
  | { readonly kind: 'none' };

/** Whether a run was accepted, or why not. */
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
  /** One of the files is unknown, or another contact's. */
  | { readonly kind: 'file_not_found' }
  | { readonly kind: 'queue_full' }
  /** The question is unknown, has another audience, or is of another thread. */
  | { readonly kind: 'question_not_found' }
  | { readonly kind: 'question_expired' }
  /** It was withdrawn, or answered by this run. */
  | { readonly kind: 'question_closed'; readonly answeredBy: string | undefined };

/** A run that is committed, and that runs or waits. */
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
   * The events that the caller does not have yet, brought along for a running run of a new thread or of
   * the known one; not when they are more than {@link FRESH_EVENTS} or {@link FRESH_BYTES}.
   */
  readonly fresh?: FreshEvents;
  /** Left out for a new run that begins a chain of its own. */
  readonly chain?: RunChain;
}

/** How many events accepting a run brings along at most: all of it is done in one piece. */
export const FRESH_EVENTS = 1000;
/** How many bytes of JSON text accepting a run brings along at most, 1 MiB. */
export const FRESH_BYTES: number = 1024 * 1024;

/** The events of a thread after a position, or all of them. */
export interface FreshEvents {
  readonly after: EventPosition | undefined;
  readonly events: readonly ThreadEvent[];
}

/**
 * Which process may write for a run: the one that runs this attempt of it, until it has ended. A process
 * that was taken for dead may meet its own run again, as the next attempt.
 */
export interface RunOwner {
  readonly runId: string;
  readonly attempt: number;
  readonly threadId: string;
  readonly instanceId: string;
}

/** How a run ended, and all that it sent. */
export interface RunOutcomeRecord {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly events: readonly NewEvent[];
  readonly error?: RunErrorRecord;
  /** Which models the run used, and how much; kept as it is. */
  readonly usage?: readonly JsonObject[];
  /** How many run events it sent, the last one included. */
  readonly lastSeq: number;
  /** What it sent since the last `appendProgress`; kept with its end, if the store is shared. */
  readonly progress?: readonly RunProgress[];
  /** Results that are not stored yet. */
  readonly entries?: readonly JournalEntry[];
  /**
   * Of a completed run: the question that it ends with, whose entry is the last of `entries`. Another
   * open question to the contact of the thread is superseded.
   */
  readonly question?: NewQuestion;
}

/** Why a run failed or was cancelled. */
export interface RunErrorRecord {
  readonly code: string;
  readonly message: string;
}

/** Whether the end of a run was written. */
export type FinishResult =
  | {
      readonly kind: 'finished';
      readonly events: readonly ThreadEvent[];
      readonly next: StartedRun | undefined;
    }
  /** This process may not write for the run any more; nothing was written. */
  | { readonly kind: 'fenced' }
  /** The thread has as many open questions to services as it may; nothing was written. */
  | { readonly kind: 'too_many_questions' };

/** A run, and the process that has it: `NOBODY` for a durable run that is to be recovered. */
export interface StartedRun {
  readonly runId: string;
  readonly instanceId: string;
}

/** All that is kept of a run. */
export interface RunRecord {
  readonly runId: string;
  readonly thread: Thread;
  readonly instanceId: string;
  readonly status: RunStatus;
  /** How a queued run will end that was withdrawn, as its caller does not wait any more. */
  readonly withdrawnAs: RunOutcomeRecord['status'] | undefined;
  readonly attempt: number;
  readonly createdThread: boolean;
  readonly acceptedAt: string;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** The event that started it, once it is in the log or while it waits. */
  readonly incoming: NewEvent | undefined;
  /** The events that its conversation start sent. */
  readonly startEvents: readonly ThreadEvent[];
  /** The events that it sent; empty while it is not over. */
  readonly events: readonly ThreadEvent[];
  readonly error: RunErrorRecord | undefined;
  readonly usage: readonly JsonObject[] | undefined;
  /** `undefined` while it is not over, and for a lost run. */
  readonly lastSeq: number | undefined;
  /** The run that began its chain; its own id when that is itself. */
  readonly chainId: string;
  /** The question that it answers. */
  readonly continues: string | undefined;
  /** The question that it ended with. */
  readonly question: QuestionRecord | undefined;
  /** Whether another process goes on with it when its own one dies. */
  readonly durable: boolean;
}

/** How a run stands. */
export interface PolledRun extends StartedRun {
  readonly attempt: number;
  readonly status: RunStatus;
  readonly cancelRequested: boolean;
}

/** Which runs of a thread to list. */
export interface RunPage {
  readonly limit: number;
  /** Only runs whose incoming event is before this one. */
  readonly before?: EventPosition;
}

/** A part of the list of a thread's runs. */
export interface RunList {
  readonly runs: readonly RunSummary[];
  /** Where to go on; `undefined` at the end. */
  readonly next: EventPosition | undefined;
}

/** A run without what it sent. */
export type RunSummary = Pick<
  RunRecord,
  | 'runId'
  | 'status'
  | 'attempt'
  | 'acceptedAt'
  | 'startedAt'
  | 'finishedAt'
  | 'error'
  | 'usage'
  | 'chainId'
  | 'continues'
  | 'question'
  | 'durable'
>;

/** How a run of a thread stands, and the question that it ended with. */
export interface ThreadRun extends Pick<
  RunRecord,
  'runId' | 'status' | 'acceptedAt' | 'startedAt' | 'finishedAt' | 'chainId'
> {
  readonly threadId: string;
  readonly question:
    | Pick<QuestionRecord, 'audience' | 'state' | 'answeredBy' | 'closedAt'>
    | undefined;
}

/** A part of the list of the runs of several threads. */
export interface ThreadRunList {
  readonly runs: readonly ThreadRun[];
  /** Where to go on; `undefined` at the end. */
  readonly next: EventPosition | undefined;
}

/** How many events of each thread are looked at, so that the runs of all of them take some milliseconds. */
export function runsLookAt(threads: number): number {
  return Math.max(10, Math.floor(2000 / Math.max(1, threads)));
}

/** How many runs that wait a list of the runs of several threads has at most. */
export const MAX_WAITING_LISTED = 1000;

/** A run event as JSON, by its position among the run's events (1 is the first). */
export interface RunProgress {
  readonly seq: number;
  readonly event: JsonObject;
}

/** What a run of this process has sent since the last time. */
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

/** What a run sent after what was seen of it; everything, when the attempt is another one. */
export interface RunNews {
  readonly runId: string;
  readonly attempt: number;
  readonly status: RunStatus;
  readonly progress: readonly RunProgress[];
}
