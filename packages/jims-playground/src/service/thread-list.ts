import type { RunSummary, Thread } from 'jims-client';

import type { Service, ThreadQuery } from './service.ts';
import { Store } from './store.ts';

export interface ThreadListSnapshot {
  readonly threads: readonly Thread[];
  /** Those that wait for the answer of a service. */
  readonly toAnswer: ReadonlySet<string>;
  /** Those whose newest run failed. */
  readonly failed: ReadonlySet<string>;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly error: unknown;
}

/** For what others do: what is done in this page is read at once. */
const POLL_MS = 10_000;

/** Without a new event such a run stays as it is. One that failed may be retried. */
const SETTLED: ReadonlySet<RunSummary['status']> = new Set(['waiting', 'completed', 'cancelled']);

/** The threads that a query finds, by last activity. Read again while the page is looked at. */
export class ThreadList extends Store<ThreadListSnapshot> {
  readonly #service: Service;
  readonly #query: ThreadQuery;
  readonly #timer: ReturnType<typeof setInterval>;
  /** When the newest event of a thread came whose newest run is known, by its id. */
  readonly #lookedAt = new Map<string, string>();
  #cursor: string | undefined;
  #isClosed = false;

  constructor(service: Service, query: ThreadQuery) {
    super({
      threads: [],
      toAnswer: new Set(),
      failed: new Set(),
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
      await this.#findFailed(items);
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
    await this.#findFailed(items);
  }

  /** Looks at the newest runs of threads where something happened, one after another. */
  async #findFailed(threads: readonly Thread[]): Promise<void> {
    for (const { thread_id: id, last_event_at: at } of threads) {
      if (this.#lookedAt.get(id) === at) continue;
      const run = await this.#service.newestRun(id).catch(() => null);
      if (this.#isClosed) return;
      // A thread may be deleted meanwhile.
      if (run === null) continue;
      if (!run || SETTLED.has(run.status)) this.#lookedAt.set(id, at);
      const failed = new Set(this.getSnapshot().failed);
      if (failed.has(id) === (run?.status === 'failed')) continue;
      if (!failed.delete(id)) failed.add(id);
      this.update({ failed });
    }
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
