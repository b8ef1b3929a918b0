import type { Logger } from './logger.ts';
import type { RunEngine } from './run/run-engine.ts';
import type {
  EventList,
  EventPage,
  Store,
  TailQuery,
  ThreadList,
  ThreadQuery,
} from './store/store.ts';
import { eventPieces, piecesOf } from './thread/event-pieces.ts';
import type { ThreadEvent } from './thread/event.ts';
import type { Thread } from './thread/thread.ts';

/** What an open app works with. */
export interface Opened {
  readonly store: Store;
  readonly runs: RunEngine;
  readonly logger: Logger;
}

/** The events of a thread as its runs see them. */
export interface RecentEvents {
  /** Oldest first. */
  readonly events: readonly ThreadEvent[];
  /** Whether there are older ones; see `ThreadContext.isCut`. */
  readonly isCut: boolean;
}

/** What an app reads of its threads: of many or large ones no more at once than fits. */
export abstract class ThreadReader {
  /**
   * Threads, newest first: of a contact, with an external id, or all. Fewer than `limit` may come when
   * their configs are large: go on with `before`, the last one that came, until none comes.
   */
  async listThreads(query: ThreadQuery): Promise<readonly Thread[]> {
    return (await this.pageThreads(query)).threads;
  }

  /** As `listThreads`, and says whether there are more. */
  async pageThreads(query: ThreadQuery): Promise<ThreadList> {
    const { store } = await this.opened();
    return store.listThreads(query);
  }

  /**
   * Some of a thread's events, oldest first. Fewer than `limit` may come when they are large or of other
   * domains; `pageEvents` says whether there are more, and `readEvents` goes through all.
   */
  async threadEvents(threadId: string, page: EventPage): Promise<readonly ThreadEvent[]> {
    return (await this.pageEvents(threadId, page)).events;
  }

  /** As `threadEvents`, and says whether there are more, and where to go on. */
  async pageEvents(threadId: string, page: EventPage): Promise<EventList> {
    const { store } = await this.opened();
    return store.pageEvents(threadId, page);
  }

  /**
   * Every event of a thread, oldest first, in pieces of at most about a megabyte: a long thread is
   * never in memory as a whole.
   *
   * @example
   * ```ts
   * for await (const events of app.readEvents(thread.id, { domains: ['comm'] })) {
   *   for (const event of events) console.log(event.data);
   * }
   * ```
   */
  async *readEvents(
    threadId: string,
    options: Pick<EventPage, 'after' | 'domains'> = {},
  ): AsyncGenerator<readonly ThreadEvent[], void, void> {
    const { store } = await this.opened();
    for await (const { events } of eventPieces(store, threadId, options)) yield events;
  }

  /**
   * As `readEvents`, for a thread that is likely to be used again: what this process has read of it
   * before is not read again when that is all of the thread.
   */
  async *allEvents(thread: Thread): AsyncGenerator<readonly ThreadEvent[], void, void> {
    const recent = await this.recentEvents(thread);
    if (recent.isCut) yield* this.readEvents(thread.id);
    else yield* piecesOf(recent.events);
  }

  /**
   * The newest events before a position, of all events without one, oldest first: as many as fit
   * `maxBytes`, but one at least. Before them comes the newest value of each state that is older.
   */
  async eventsBefore(
    threadId: string,
    tail: Pick<TailQuery, 'before' | 'maxBytes'>,
  ): Promise<readonly ThreadEvent[]> {
    const { store } = await this.opened();
    const { states, events } = await store.readTail(threadId, tail);
    return [...states, ...events];
  }

  /** A thread's events as its runs see them: all, or the newest part of a large thread. */
  async recentEvents(thread: Thread): Promise<RecentEvents> {
    const { runs } = await this.opened();
    return runs.events.load(thread);
  }

  protected abstract opened(): Promise<Opened>;
}
