import { snakeCase } from './message-options.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { EventPage, JsonObject, RunPage, Thread, ThreadEvent, ThreadPage } from './wire.ts';

/** Which page of a list. */
export interface PageOptions {
  /** The `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
  /** At most 200; default 50. */
  readonly limit?: number;
}

export interface ThreadListOptions extends PageOptions {
  readonly contactId?: string;
  readonly externalId?: string;
  /** Threads with a message that has these words. */
  readonly q?: string;
  readonly order?: 'activity' | 'created';
  readonly feedback?: 'up' | 'down';
  readonly waiting?: true;
  readonly superseded?: boolean;
}

export interface NewThreadOptions {
  /** Default: the client's. */
  readonly contactId?: string | undefined;
  /** Gets the thread of this id; services may choose the id of a new one. */
  readonly threadId?: string | undefined;
  /** Gets the contact's thread of this external id, or makes it. */
  readonly externalId?: string | undefined;
  /** For the app to read. */
  readonly threadConfig?: JsonObject | undefined;
  /** Lets the app speak first, where nothing was said yet; default false. */
  readonly greet?: boolean | undefined;
}

export interface EventListOptions extends PageOptions {
  /** Such as `comm`; several with commas. */
  readonly domain?: string;
  readonly order?: 'asc' | 'desc';
  /** For services: also `state.*`, `context.*` and `jims.*`. */
  readonly internal?: boolean;
}

/** A thread with everything that happened in it. */
export interface ThreadExport {
  readonly thread: Thread;
  /** Oldest first. */
  readonly events: readonly ThreadEvent[];
}

/** The threads of a service. */
export interface JimsThreads {
  /** Those with the newest event first. */
  readonly list: (options?: ThreadListOptions) => Promise<ThreadPage>;
  /**
   * Makes a thread, or gets the one of an id. With `greet` the app speaks first: `run_id` is the run that does. A
   * `key` makes a request that is repeated the same thread and the same greeting.
   */
  readonly create: (options?: NewThreadOptions, key?: string) => Promise<Thread>;
  readonly get: (threadId: string) => Promise<Thread>;
  readonly events: (threadId: string, options?: EventListOptions) => Promise<EventPage>;
  /** Newest first. */
  readonly runs: (threadId: string, options?: PageOptions) => Promise<RunPage>;
  /** `null` brings back the title that the thread has by itself. */
  readonly rename: (threadId: string, title: string | null) => Promise<Thread>;
  /** Erases a thread with all that was said. */
  readonly delete: (threadId: string) => Promise<void>;
  /** Copies a thread: all of it, or what came before an event. */
  readonly fork: (threadId: string, options?: ForkOptions) => Promise<Thread>;
  /** The thread, and all of its events that the caller may see. */
  readonly export: (threadId: string) => Promise<ThreadExport>;
}

export interface ForkOptions {
  /** The event that the copy ends before. */
  readonly before?: string;
  /** Whether the copy replaces the thread in lists; default false. */
  readonly supersede?: boolean;
}

export function threadsOf(transport: Transport, signal?: AbortSignal): JimsThreads {
  const { contactId } = transport.options;
  const call = <T>(path: string, options?: CallOptions): Promise<T> =>
    transport.json(`/api/v1/threads${path}`, { signal, ...options });
  const threads: JimsThreads = {
    list: (options) => call('', { query: snakeCase({ contactId, ...options }) }),
    create: (options, key) => call('', { body: snakeCase({ contactId, ...options }), key }),
    get: (threadId) => call(`/${threadId}`),
    events: (threadId, options) => call(`/${threadId}/events`, { query: { ...options } }),
    runs: (threadId, options) => call(`/${threadId}/runs`, { query: { ...options } }),
    rename: (threadId, title) => call(`/${threadId}`, { method: 'PATCH', body: { title } }),
    delete: (threadId) => call(`/${threadId}`, { method: 'DELETE' }),
    fork: (threadId, body = {}) => call(`/${threadId}/fork`, { body }),
    async export(threadId) {
      const thread = await threads.get(threadId);
      const events: ThreadEvent[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await threads.events(threadId, { cursor, limit: 200 });
        events.push(...page.events);
        cursor = page.next_cursor;
      }
      return { thread, events };
    },
  };
  return threads;
}
