import { JimsApiError } from 'jims-client';

import { framesOf } from './frames.ts';
import type { AppDescription, RunSummary, StoredEvent, Thread, Trace } from './wire.ts';

/** Which threads a list has. */
export interface ThreadQuery {
  /** Of this contact; of all contacts when it is left out. */
  readonly contactId?: string | undefined;
  readonly words?: string | undefined;
  readonly isWaiting?: boolean | undefined;
  readonly cursor?: string | undefined;
}

/** A page of a list, and where the next one begins. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly cursor: string | undefined;
}

/** The service that the page belongs to: the routes of its API that the page calls. */
export class Service {
  /** Where its addresses begin, with a slash at the end. */
  readonly base: URL;
  #token: string | undefined;

  constructor(base: URL, token: string | undefined) {
    this.base = base;
    this.#token = token;
  }

  /** Whether calls carry a key. */
  get hasKey(): boolean {
    return this.#token !== undefined;
  }

  app(): Promise<AppDescription> {
    return this.#read('app');
  }

  async threads({ contactId, words, isWaiting, cursor }: ThreadQuery): Promise<Page<Thread>> {
    const query = queryOf({
      contact_id: contactId,
      q: words,
      waiting: isWaiting ? 'true' : undefined,
      superseded: 'false',
      limit: '30',
      cursor,
    });
    const { threads, next_cursor: next } = await this.#read<{
      threads: Thread[];
      next_cursor: string | null;
    }>(`threads?${query}`);
    return { items: threads, cursor: next ?? undefined };
  }

  thread(threadId: string): Promise<Thread> {
    return this.#read(`threads/${threadId}`);
  }

  async events(threadId: string, cursor?: string): Promise<Page<StoredEvent>> {
    const query = queryOf({ internal: 'true', order: 'desc', limit: '100', cursor });
    const { events, next_cursor: next } = await this.#read<{
      events: StoredEvent[];
      next_cursor: string | null;
    }>(`threads/${threadId}/events?${query}`);
    return { items: events, cursor: next ?? undefined };
  }

  /** New events of a thread after one, as they come. Ends when the connection does. */
  async *newEvents(
    threadId: string,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StoredEvent> {
    const query = queryOf({ internal: 'true', lastEventId: after });
    const response = await this.#fetch(`threads/${threadId}/events?${query}`, {
      headers: { accept: 'text/event-stream' },
      signal,
    });
    for await (const { data } of framesOf(response)) {
      const event: unknown = JSON.parse(data);
      if (isStoredEvent(event)) yield event;
    }
  }

  /** What happens to the app's code; `undefined` on a server that is not for development. */
  async codeNews(signal: AbortSignal): Promise<ReturnType<typeof framesOf> | undefined> {
    try {
      return framesOf(
        await this.#fetch('dev', { headers: { accept: 'text/event-stream' }, signal }),
      );
    } catch (error) {
      if (error instanceof JimsApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async runs(threadId: string, cursor?: string): Promise<Page<RunSummary>> {
    const query = queryOf({ limit: '30', cursor });
    const { runs, next_cursor: next } = await this.#read<{
      runs: RunSummary[];
      next_cursor: string | null;
    }>(`threads/${threadId}/runs?${query}`);
    return { items: runs, cursor: next ?? undefined };
  }

  trace(runId: string, attempt?: number): Promise<Trace> {
    return this.#read(`runs/${runId}/trace?${queryOf({ attempt: attempt?.toString() })}`);
  }

  /** What a protocol would have streamed for a run that is over. */
  async wire(runId: string, protocol: string): Promise<string> {
    return (await this.#fetch(`runs/${runId}/wire/${protocol}`)).text();
  }

  async rename(threadId: string, title: string | null): Promise<void> {
    await this.#send('PATCH', `threads/${threadId}`, { title });
  }

  async delete(threadId: string): Promise<void> {
    await this.#fetch(`threads/${threadId}`, { method: 'DELETE' });
  }

  /** A copy of a thread: its events before one of them. */
  fork(threadId: string, before: string | undefined): Promise<Thread> {
    return this.#send('POST', `threads/${threadId}/fork`, { before });
  }

  startRun(threadId: string, body: object): Promise<RunSummary> {
    return this.#send('POST', `threads/${threadId}/runs`, body);
  }

  async cancel(runId: string): Promise<void> {
    await this.#fetch(`runs/${runId}/cancel`, { method: 'POST' });
  }

  /** Answers a question to a service. */
  async answer(questionId: string, value: unknown): Promise<void> {
    await this.#send('POST', `questions/${questionId}/answer`, { value });
  }

  async #read<Answer>(path: string): Promise<Answer> {
    return (await this.#fetch(path)).json();
  }

  async #send<Answer>(method: string, path: string, body: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json' };
    return (await this.#fetch(path, { method, headers, body: JSON.stringify(body) })).json();
  }

  async #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    const response = await fetch(new URL(`api/v1/${path}`, this.base), { ...init, headers });
    if (response.ok) return response;
    throw new JimsApiError(await response.text(), { code: 'x', status: response.status });
  }
}

function queryOf(members: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined && value !== '') query.set(name, value);
  }
  return query;
}

function isStoredEvent(value: unknown): value is StoredEvent {
  return typeof value === 'object' && value !== null && 'event_id' in value;
}
