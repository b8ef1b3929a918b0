import type { JsonObject, NewEvent, ThreadEvent } from '../thread/event.ts';
import type { NewThread, Thread } from '../thread/thread.ts';

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
