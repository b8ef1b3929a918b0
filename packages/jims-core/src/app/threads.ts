import { threadNotFound } from '../store/refusals.ts';
import type {
  EventList,
  EventPage,
  Feedback,
  FeedbackList,
  FeedbackQuery,
  TailQuery,
  ThreadList,
  ThreadQuery,
} from '../store/store.ts';
import { cleanText } from '../text/clean-text.ts';
import type { JsonObject, ThreadEvent } from '../thread/event.ts';
import type { NewThread, Thread, ThreadOverview } from '../thread/thread.ts';
import { titleEvent } from '../thread/title.ts';
import { eventPieces, piecesOf } from './event-pieces.ts';
import type { OpenApp } from './open-app.ts';
import { ThreadController } from './thread-controller.ts';
import { threadFeed } from './thread-feed.ts';
import type { ThreadFeedOptions } from './thread-feed.ts';

/** The events of a thread as its runs see them. */
export interface RecentEvents {
  /** Oldest first. */
  readonly events: readonly ThreadEvent[];
  /** Whether older events are left out; see `ThreadContext.isCut`. */
  readonly isCut: boolean;
}

/** The threads of an app: `app.threads`. Every method may reject as `JimsApp.open` does. */
export class AppThreads {
  readonly #app: OpenApp;

  /** @internal Made by the app. */
  constructor(app: OpenApp) {
    this.#app = app;
  }

  /**
   * Gets a thread by its id.
   *
   * @throws JimsError `thread_not_found`
   * @example
   * const thread = await app.threads.get(threadId);
   */
  async get(threadId: string): Promise<ThreadController> {
    const thread = await this.find(threadId);
    if (!thread) throw threadNotFound(threadId);
    return thread;
  }

  /**
   * Finds a thread by its id; `undefined` for an unknown one.
   *
   * @example
   * const thread = await app.threads.find(threadId);
   */
  async find(threadId: string): Promise<ThreadController | undefined> {
    const { store } = await this.#app.opened();
    return this.#controller(await store.thread(threadId));
  }

  /**
   * Finds a contact's thread by its external id, which is unique for the contact. Programs that write to
   * the database themselves may leave several: then it is the newest.
   *
   * @example
   * const ticket = await app.threads.findByExternalId('customer:42', 'ticket-7');
   */
  async findByExternalId(
    contactId: string,
    externalId: string,
  ): Promise<ThreadController | undefined> {
    const { store } = await this.#app.opened();
    return this.#controller(await store.threadByExternalId(contactId, externalId));
  }

  /**
   * Finds the newest thread of a contact; `undefined` when the contact has no thread.
   *
   * @example
   * const thread = await app.threads.latest('customer:42');
   */
  async latest(contactId: string): Promise<ThreadController | undefined> {
    const { store } = await this.#app.opened();
    return this.#controller(await store.latestThread(contactId));
  }

  /**
   * Gets the thread with this id, or the contact's thread with this external id, or makes it.
   *
   * @example
   * const thread = await app.threads.getOrCreate({ contactId: 'customer:42' });
   */
  async getOrCreate(spec: NewThread): Promise<ThreadController> {
    const { thread } = await this.ensure(spec);
    return new ThreadController(thread, this.#app);
  }

  /**
   * Does the same as `getOrCreate`, and tells whether the thread was made.
   *
   * @example
   * const { thread, created } = await app.threads.ensure({ contactId: 'customer:42', externalId: 'ticket-7' });
   */
  async ensure(spec: NewThread): Promise<{ thread: Thread; created: boolean }> {
    const { store } = await this.#app.opened();
    return store.openThread(spec);
  }

  /**
   * Lists threads as people see them: of a contact, with an external id, with words that were said, or
   * all. Those whose newest event is newest come first, unless `order` is `created`. The list may be
   * shorter than `limit` when their configs are large; `more` tells whether to go on, and `before` is the
   * `lastEventAt` (or `createdAt`) and the id of the last one.
   *
   * @example
   * const { threads } = await app.threads.list({ contactId: 'customer:42', limit: 20 });
   */
  async list(query: ThreadQuery): Promise<ThreadList> {
    const { store } = await this.#app.opened();
    return store.listThreads(query);
  }

  /**
   * Gives what lists show of a thread: its title, its last message, whether it waits for an answer.
   * `undefined` for an unknown one.
   *
   * @example
   * const title = (await app.threads.overview(threadId))?.title;
   */
  async overview(threadId: string): Promise<ThreadOverview | undefined> {
    const { store } = await this.#app.opened();
    return store.threadOverview(threadId);
  }

  /**
   * Sets the title of a thread, on one line of at most 80 characters; `null` brings back the one that it
   * has by itself.
   *
   * @throws JimsError `thread_not_found`
   * @example
   * await app.threads.setTitle(threadId, 'Refund of order 17');
   */
  async setTitle(threadId: string, title: string | null): Promise<void> {
    const { store } = await this.#app.opened();
    await store.appendEvents(threadId, [titleEvent(title)]);
  }

  /**
   * Keeps what the contact thinks of a message, or takes it back with `undefined`. The last one counts;
   * the same once more changes nothing.
   *
   * @throws JimsError `thread_not_found`; `message_not_found` for what is not a message of the assistant in
   * this thread.
   * @example
   * await app.threads.setFeedback(threadId, messageId, { value: 'down', comment: 'Too long' });
   */
  async setFeedback(
    threadId: string,
    messageId: string,
    feedback: Feedback | undefined,
  ): Promise<void> {
    const { store } = await this.#app.opened();
    const result = await store.setFeedback(
      threadId,
      messageId,
      feedback && cleanFeedback(feedback),
    );
    if (feedback && result === 'changed') this.#app.metrics.countFeedback(feedback.value);
  }

  /**
   * Lists feedback as it counts now, oldest first. `more` tells whether to go on, with the last one as
   * `after`.
   *
   * @example
   * const { feedback } = await app.threads.listFeedback({ value: 'down', limit: 100 });
   */
  async listFeedback(query: FeedbackQuery): Promise<FeedbackList> {
    const { store } = await this.#app.opened();
    return store.listFeedback(query);
  }

  /**
   * Lists events of a thread, oldest first unless `order` is `desc`. The list may be shorter than `limit` when events are large or
   * of other domains; `more` and `last` tell whether and where to go on. `readEvents` reads all of them.
   *
   * @example
   * const { events } = await app.threads.events(threadId, { limit: 100, domains: ['comm'] });
   */
  async events(threadId: string, page: EventPage): Promise<EventList> {
    const { store } = await this.#app.opened();
    return store.pageEvents(threadId, page);
  }

  /**
   * Reads every event of a thread, oldest first, in pieces of at most about a megabyte: a long thread is
   * never in memory as a whole.
   *
   * @example
   * ```ts
   * for await (const events of app.threads.readEvents(thread.id, { domains: ['comm'] })) {
   *   for (const event of events) console.log(event.data);
   * }
   * ```
   */
  async *readEvents(
    threadId: string,
    options: Pick<EventPage, 'after' | 'domains'> = {},
  ): AsyncGenerator<readonly ThreadEvent[], void, void> {
    const { store } = await this.#app.opened();
    for await (const { events } of eventPieces(store, threadId, options)) yield events;
  }

  /**
   * Does the same as `readEvents` for a thread that is likely to be used again: it is read from the cache
   * of this process when that has all of it.
   */
  async *allEvents(thread: Thread): AsyncGenerator<readonly ThreadEvent[], void, void> {
    const recent = await this.recentEvents(thread);
    if (recent.isCut) yield* this.readEvents(thread.id);
    else yield* piecesOf(recent.events);
  }

  /**
   * Reads the newest events before a position, or of the whole thread, oldest first: as many as fit in
   * `maxBytes`, but one at least. The newest values of the states set before them come first.
   */
  async eventsBefore(
    threadId: string,
    tail: Pick<TailQuery, 'before' | 'maxBytes'>,
  ): Promise<readonly ThreadEvent[]> {
    const { store } = await this.#app.opened();
    const { states, events } = await store.readTail(threadId, tail);
    return [...states, ...events];
  }

  /** Gives a thread's events as its runs see them: all, or the newest part of a large thread. */
  async recentEvents(thread: Thread): Promise<RecentEvents> {
    const { engine } = await this.#app.opened();
    return engine.events.load(thread);
  }

  /**
   * Follows a thread: gives its events, then the new ones as they come, until the signal aborts, the
   * thread is erased, or the app is closed.
   *
   * @example
   * for await (const event of app.threads.follow(threadId, { signal })) console.log(event.type);
   */
  async *follow(threadId: string, options: ThreadFeedOptions): AsyncGenerator<ThreadEvent> {
    const { store } = await this.#app.opened();
    const signal = AbortSignal.any([options.signal, this.#app.closed]);
    yield* threadFeed(store, threadId, { ...options, signal });
  }

  /** Replaces a thread's config; resolves with `undefined` when there is no such thread. */
  async updateConfig(threadId: string, config: JsonObject): Promise<Thread | undefined> {
    const { store } = await this.#app.opened();
    return store.updateThreadConfig(threadId, config);
  }

  /**
   * Sets members of a thread's config, or of the object that is its member `within`, and removes those that are
   * `null`. The others stay, also those that somebody else sets at the same time. Resolves with `undefined` when
   * there is no such thread.
   *
   * @example
   * await app.threads.mergeConfig(threadId, { plan: 'gold', trial: null });
   */
  async mergeConfig(
    threadId: string,
    members: JsonObject,
    within?: string,
  ): Promise<Thread | undefined> {
    const { store } = await this.#app.opened();
    return store.mergeThreadConfig(threadId, members, within);
  }

  /**
   * Erases a thread, or all threads of a contact, with their events, runs and files; unfinished runs are stopped.
   * Resolves with the ids of the erased threads when everything is gone. Many threads are erased in
   * pieces: until then other readers may still see some of them, each as a whole.
   *
   * @example
   * await app.threads.delete({ contactId: 'customer:42' });
   */
  async delete(
    which: { readonly threadId: string } | { readonly contactId: string },
  ): Promise<readonly string[]> {
    const { store, engine, files } = await this.#app.opened();
    const ids = await store.deleteThreads(which);
    engine.dropThreads(ids);
    await files.eraseLeft();
    return ids;
  }

  #controller(thread: Thread | undefined): ThreadController | undefined {
    return thread && new ThreadController(thread, this.#app);
  }
}

/** Without members that say nothing: two that mean the same are the same. */
function cleanFeedback({ value, comment = '', tags = [] }: Feedback): Feedback {
  const text = cleanText(comment).trim();
  const names = [...new Set(tags.map((tag) => cleanText(tag)))];
  return { value, ...(text !== '' && { comment: text }), ...(names.length > 0 && { tags: names }) };
}
