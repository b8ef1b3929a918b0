import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import type { NewThread, Thread, ThreadOverview } from '../thread/thread.ts';

/** Threads and their events. */
export interface ThreadStore {
  /**
   * Gets the thread by `threadId`, or the contact's by `externalId`, or makes it with its
   * `thread_created` event and its first events. Of several threads with one external id the newest counts.
   */
  openThread(spec: NewThread): Promise<{ thread: Thread; created: boolean }>;
  thread(threadId: string): Promise<Thread | undefined>;
  threadByExternalId(contactId: string, externalId: string): Promise<Thread | undefined>;
  latestThread(contactId: string): Promise<Thread | undefined>;
  /** Threads in the order of the query, within its bounds. */
  listThreads(query: ThreadQuery): Promise<ThreadList>;
  /** What lists show of a thread. */
  threadOverview(threadId: string): Promise<ThreadOverview | undefined>;
  /**
   * Keeps what the contact thinks of a message, or takes it back with `undefined`: appends `feedback.given`
   * or `feedback.withdrawn` (once: nothing when it changes nothing), and the last one counts.
   *
   * @throws JimsError `thread_not_found`; `message_not_found` when the thread has no `comm.*` event of
   * this id whose role is `assistant`.
   */
  setFeedback(
    threadId: string,
    messageId: string,
    feedback: Feedback | undefined,
  ): Promise<'changed' | 'unchanged'>;
  /** Feedback as it counts now, oldest first by `(at, messageId)`. */
  listFeedback(query: FeedbackQuery): Promise<FeedbackList>;
  /**
   * Brings up to date what the search finds, for threads that were written since; bounded, so call it
   * again while it resolves with true. Several processes may do so at once.
   */
  indexMessages(): Promise<boolean>;
  /** Replaces the config; `undefined` when there is no such thread. */
  updateThreadConfig(threadId: string, config: JsonObject): Promise<Thread | undefined>;
  /**
   * Sets members of the config, or of the object that is its member `within`, and removes those that are null; the
   * others stay as they are at that moment. `undefined` when there is no such thread.
   */
  mergeThreadConfig(
    threadId: string,
    members: JsonObject,
    within?: string,
  ): Promise<Thread | undefined>;
  /**
   * Removes threads with their events and runs, and resolves with their ids when all of it is gone.
   *
   * However much there is, it is removed in pieces of bounded time. The first pieces take the threads
   * themselves: an active run of a thread is fenced out in the same transaction, and from then on
   * nobody finds the thread, its runs or their idempotency keys. Meanwhile other readers may still see
   * those threads of the contact whose turn has not come, each of them whole. What is left of a thread
   * that is gone is not seen by a reader that looks for the thread first. When the process ends in the
   * middle, `purge` removes the rest.
   */
  deleteThreads(which: { threadId: string } | { contactId: string }): Promise<readonly string[]>;

  /**
   * Appends events outside a run, in the order given.
   *
   * @throws JimsError `thread_not_found`; with `whenIdle` `thread_busy` when the thread has a run that
   * is not over.
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
   * before this method has returned. Returns a function that ends it.
   */
  watchThread(threadId: string, wake: () => void): () => void;
}

/** Where an event, or a thread in a list of threads, is in its order. */
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

/** How many bytes one call reads at most by default, 1 MiB: more at once would hold up all others. */
export const READ_BYTES: number = 1024 * 1024;

/** Which events to read, in order. */
export interface EventPage extends ReadBounds {
  /** Only events after this position; default: from the first on. */
  readonly after?: EventPosition;
  /** Only events before this position. */
  readonly before?: EventPosition;
  /** `desc`: the newest first. Default `asc`. */
  readonly order?: 'asc' | 'desc';
  /** Only events of these domains; default: all. */
  readonly domains?: readonly string[];
}

/** How events are appended outside a run. */
export interface AppendOptions {
  /** Appends only when no run of the thread runs or waits; default false. */
  readonly whenIdle?: boolean;
}

/** What a contact thinks of a message. */
export interface Feedback {
  readonly value: 'up' | 'down';
  readonly comment?: string;
  readonly tags?: readonly string[];
}

/** Which feedback to list. */
export interface FeedbackQuery extends ReadBounds {
  readonly threadId?: string;
  readonly value?: Feedback['value'];
  readonly after?: { readonly at: string; readonly messageId: string };
}

/** A feedback that counts. */
export interface FeedbackRecord extends Feedback {
  readonly threadId: string;
  readonly messageId: string;
  readonly at: string;
}

/** A part of a list of feedback. */
export interface FeedbackList {
  readonly feedback: readonly FeedbackRecord[];
  readonly more: boolean;
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

/** How much of the end of a log to read. */
export interface TailQuery {
  /** Only events after this position. */
  readonly after?: EventPosition;
  /** Only events before this position. */
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
  /**
   * When it is cut: of each type `state.set.*` that is not among `events`, the newest event. In order.
   */
  readonly states: readonly ThreadEvent[];
}

/** Which threads to list. */
export interface ThreadQuery extends ReadBounds {
  readonly contactId?: string;
  readonly externalId?: string;
  /** Leaves out threads whose external id another thread took over; default false. */
  readonly current?: boolean;
  /**
   * `activity`: those whose newest event is newest come first; `created`: those that were made last. Default
   * `activity`.
   */
  readonly order?: 'activity' | 'created';
  /** Only threads after this one in the order: its `lastEventAt`, or its `createdAt`, and its id. */
  readonly before?: EventPosition;
  /** Only threads with a message that has all of these words, the last one as a beginning. */
  readonly words?: string;
  /** Only threads with such feedback. */
  readonly feedback?: Feedback['value'];
  /** Only threads with an open question to the contact. */
  readonly waiting?: boolean;
}

/** A part of a list of threads. */
export interface ThreadList {
  readonly threads: readonly ThreadOverview[];
  /** Whether there are more after the last one. */
  readonly more: boolean;
}
