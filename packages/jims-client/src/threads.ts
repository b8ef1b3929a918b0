import type { CallOptions, Transport } from './transport.ts';
import type { EventPage, RunPage, Thread, ThreadEvent, ThreadPage } from './wire.ts';

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
export class JimsThreads {
  readonly #transport: Transport;
  readonly #contactId: string | undefined;

  constructor(transport: Transport, contactId: string | undefined) {
    this.#transport = transport;
    this.#contactId = contactId;
  }

  /** Those with the newest event first. */
  list(options: ThreadListOptions = {}): Promise<ThreadPage> {
    const { contactId = this.#contactId, externalId, ...query } = options;
    return this.#call('', { query: { ...query, contact_id: contactId, external_id: externalId } });
  }

  get(threadId: string): Promise<Thread> {
    return this.#call(`/${threadId}`);
  }

  events(threadId: string, options: EventListOptions = {}): Promise<EventPage> {
    return this.#call(`/${threadId}/events`, { query: { ...options } });
  }

  /** Newest first. */
  runs(threadId: string, options: PageOptions = {}): Promise<RunPage> {
    return this.#call(`/${threadId}/runs`, { query: { ...options } });
  }

  /** `null` brings back the title that the thread has by itself. */
  rename(threadId: string, title: string | null): Promise<Thread> {
    return this.#call(`/${threadId}`, { method: 'PATCH', body: { title } });
  }

  /** Erases a thread with all that was said. */
  async delete(threadId: string): Promise<void> {
    await this.#call(`/${threadId}`, { method: 'DELETE' });
  }

  /** Copies a thread: all of it, or what came before an event. */
  fork(
    threadId: string,
    body: { readonly before?: string; readonly supersede?: boolean } = {},
  ): Promise<Thread> {
    return this.#call(`/${threadId}/fork`, { body });
  }

  /** The thread, and all of its events that the caller may see. */
  async export(threadId: string): Promise<ThreadExport> {
    const events: ThreadEvent[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: EventPage = await this.events(threadId, { cursor, limit: 200 });
      events.push(...page.events);
      cursor = page.next_cursor;
    }
    return { thread: await this.get(threadId), events };
  }

  #call<T>(path: string, options?: CallOptions): Promise<T> {
    return this.#transport.json<T>(`/api/v1/threads${path}`, options);
  }
}
