import type { Thread } from 'jims-client';

import type { Service, ThreadQuery } from './service.ts';
import { Store } from './store.ts';

export interface ThreadListSnapshot {
  readonly threads: readonly Thread[];
  /** Those that wait for the answer of a service. */
  readonly toAnswer: ReadonlySet<string>;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: unknown;
}

/** For what others do: what is done in this page is read at once. */
const POLL_MS = 10_000;

/** The threads that a query finds, by last activity. Read again while the page is looked at. */
export class ThreadList extends Store<ThreadListSnapshot> {
  readonly #service: Service;
  readonly #query: ThreadQuery;
  readonly #timer: ReturnType<typeof setInterval>;
  #cursor: string | undefined;
  #isClosed = false;

  constructor(service: Service, query: ThreadQuery) {
    super({
      threads: [],
      toAnswer: new Set(),
      hasMore: false,
      isLoading: true,
      error: undefined,
    });
    this.#service = service;
    this.#query = query;
    void this.reload();
    this.#timer = setInterval(() => {
      if (document.visibilityState === 'visible') void this.reload();
    }, POLL_MS);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  /** Reads the first page again: what has changed moves to the front. */
  async reload(): Promise<void> {
    try {
      const [{ items, cursor }, toAnswer] = await Promise.all([
        this.#service.threads(this.#query),
        this.#service.threadsToAnswer(this.#query.contactId),
      ]);
      if (this.#isClosed) return;
      const { threads, isLoading } = this.getSnapshot();
      if (isLoading || cursor === undefined) this.#cursor = cursor;
      const fresh = new Set(items.map(({ thread_id: id }) => id));
      const oldest = items.at(-1)?.last_event_at ?? '';
      // Those after the first page stay; those that were in it, and are gone, do not.
      const older = threads.filter(
        ({ thread_id: id, last_event_at: at }) => !fresh.has(id) && at < oldest,
      );
      this.update({ toAnswer });
      this.#show([...items, ...(cursor === undefined ? [] : older)]);
    } catch (error) {
      if (!this.#isClosed) this.update({ error, isLoading: false });
    }
  }

  async loadMore(): Promise<void> {
    if (this.#cursor === undefined) return;
    const { items, cursor } = await this.#service.threads({ ...this.#query, cursor: this.#cursor });
    this.#cursor = cursor;
    const { threads } = this.getSnapshot();
    const known = new Set(threads.map(({ thread_id: id }) => id));
    this.#show([...threads, ...items.filter(({ thread_id: id }) => !known.has(id))]);
  }

  #show(threads: readonly Thread[]): void {
    this.update({
      threads,
      hasMore: this.#cursor !== undefined,
      isLoading: false,
      error: undefined,
    });
  }
}
