import { JimsApiError } from 'jims-client';
import type { RunSummary, ThreadEvent, Thread } from 'jims-client';

import { positionOf } from './service.ts';
import type { Service } from './service.ts';
import { Store } from './store.ts';

export interface ThreadSnapshot {
  readonly thread: Thread | undefined;
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  readonly hasOlderRuns: boolean;
  /** Newest first, internal ones, too. */
  readonly events: readonly ThreadEvent[];
  readonly hasOlderEvents: boolean;
  readonly error: unknown;
}

/** Runs that go on change without an event. */
const ACTIVE_POLL_MS = 600;
const RETRY_MS = 3000;
const TOGETHER_MS = 40;
/** The log that stays in the page. */
const MAX_EVENTS = 5000;

/** A thread with its runs and its events, as they come. */
export class ThreadFeed extends Store<ThreadSnapshot> {
  readonly #service: Service;
  readonly #threadId: string;
  readonly #closing = new AbortController();
  #olderRuns: string | undefined;
  #olderEvents: string | undefined;
  #refreshing: Promise<void> | undefined;
  readonly #loading = new Set<'events' | 'runs'>();
  #isStale = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #news: ThreadEvent[] = [];
  #newsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(service: Service, threadId: string) {
    super({
      thread: undefined,
      runs: [],
      hasOlderRuns: false,
      events: [],
      hasOlderEvents: false,
      error: undefined,
    });
    this.#service = service;
    this.#threadId = threadId;
    void this.#follow();
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#newsTimer);
  }

  /** Reads the thread and its newest runs again; calls at the same time become one more reading. */
  readonly refresh = (): void => {
    if (this.#refreshing) {
      this.#isStale = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#refreshing = this.#readAgain().finally(() => {
      this.#refreshing = undefined;
      if (this.#closing.signal.aborted) return;
      if (this.#isStale) {
        this.#isStale = false;
        this.refresh();
      } else if (this.getSnapshot().runs.some(isActive)) {
        this.#timer = setTimeout(this.refresh, ACTIVE_POLL_MS);
      }
    });
  };

  readonly loadOlderEvents = (): Promise<void> =>
    this.#once('events', async () => {
      if (this.#olderEvents === undefined) return;
      const { items, cursor } = await this.#service.events(this.#threadId, this.#olderEvents);
      this.#olderEvents = cursor;
      const events = [...this.getSnapshot().events, ...items];
      this.update({ events, hasOlderEvents: cursor !== undefined });
    });

  readonly loadOlderRuns = (): Promise<void> =>
    this.#once('runs', async () => {
      if (this.#olderRuns === undefined) return;
      const { items, cursor } = await this.#service.runs(this.#threadId, this.#olderRuns);
      this.#olderRuns = cursor;
      const runs = [...this.getSnapshot().runs, ...items];
      this.update({ runs, hasOlderRuns: cursor !== undefined });
    });

  /** Loads a page, unless it is being loaded already. */
  async #once(what: 'events' | 'runs', load: () => Promise<void>): Promise<void> {
    if (this.#loading.has(what)) return;
    this.#loading.add(what);
    try {
      await load();
    } catch (error) {
      this.update({ error });
    } finally {
      this.#loading.delete(what);
    }
  }

  async #readAgain(): Promise<void> {
    try {
      const [thread, { items, cursor }] = await Promise.all([
        this.#service.thread(this.#threadId),
        this.#service.runs(this.#threadId),
      ]);
      const known = this.getSnapshot().runs;
      const oldest = items.at(-1);
      const older = oldest
        ? known.slice(known.findIndex(({ run_id: id }) => id === oldest.run_id) + 1)
        : [];
      if (known.length === 0) this.#olderRuns = cursor;
      this.update({
        thread,
        runs: [...items, ...(known.length === 0 ? [] : older)],
        hasOlderRuns: this.#olderRuns !== undefined,
        error: undefined,
      });
    } catch (error) {
      if (!this.#closing.signal.aborted) this.update({ error });
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        if (this.getSnapshot().events.length === 0) await this.#readEvents();
        this.refresh();
        const [after] = this.getSnapshot().events;
        for await (const event of this.#service.newEvents(this.#threadId, { after, signal })) {
          this.#add(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.update({ error });
        if (error instanceof JimsApiError && error.status === 404) return;
      }
      await pause(RETRY_MS, signal);
    }
  }

  async #readEvents(): Promise<void> {
    const { items, cursor } = await this.#service.events(this.#threadId);
    this.#olderEvents = cursor;
    this.update({ events: items, hasOlderEvents: cursor !== undefined });
  }

  /** A run may send thousands of events at once: they are shown together. */
  #add(event: ThreadEvent): void {
    this.#news.push(event);
    if (this.#newsTimer !== undefined) return;
    this.#newsTimer = setTimeout(() => {
      this.#newsTimer = undefined;
      const { events } = this.getSnapshot();
      const known = new Set(events.map(({ event_id: id }) => id));
      const news = this.#news.filter(({ event_id: id }) => !known.has(id)).toReversed();
      this.#news = [];
      if (news.length === 0) return;
      const all = [...news, ...events];
      const last = all[MAX_EVENTS - 1];
      if (last && all.length > MAX_EVENTS) this.#olderEvents = positionOf(last);
      const hasOlderEvents = this.#olderEvents !== undefined;
      this.update({ events: all.slice(0, MAX_EVENTS), hasOlderEvents });
      this.refresh();
    }, TOGETHER_MS);
  }
}

export function isActive({ status }: Pick<RunSummary, 'status'>): boolean {
  return status === 'queued' || status === 'running';
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
