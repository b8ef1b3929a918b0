import type { JimsClient, RunSummary, SseMessage, Thread, ThreadEvent, Trace } from 'jims-client';

import type { AppDescription, AskedService } from './wire.ts';

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
  readonly client: JimsClient;
  /** Where its addresses begin, with a slash at the end. */
  readonly base: URL;
  /** Whether calls carry a key. */
  readonly hasKey: boolean;

  constructor(
    client: JimsClient,
    { base, hasKey }: { readonly base: URL; readonly hasKey: boolean },
  ) {
    this.client = client;
    this.base = base;
    this.hasKey = hasKey;
  }

  app(): Promise<AppDescription> {
    return this.client.request('/api/v1/app');
  }

  async threads({ contactId, words, isWaiting, cursor }: ThreadQuery): Promise<Page<Thread>> {
    const { threads, next_cursor: next } = await this.client.threads.list({
      limit: 30,
      superseded: false,
      cursor,
      ...(contactId !== undefined && { contactId }),
      ...(words !== undefined && words !== '' && { q: words }),
      ...(isWaiting === true && { waiting: true }),
    });
    return { items: threads, cursor: next ?? undefined };
  }

  thread(threadId: string): Promise<Thread> {
    return this.client.threads.get(threadId);
  }

  /** Newest first, internal ones, too. */
  async events(threadId: string, cursor?: string): Promise<Page<ThreadEvent>> {
    const { events, next_cursor: next } = await this.client.threads.events(threadId, {
      internal: true,
      order: 'desc',
      limit: 100,
      cursor,
    });
    return { items: events, cursor: next ?? undefined };
  }

  /** New events of a thread after one, as they come, through lost connections. */
  async *newEvents(
    threadId: string,
    { after, signal }: { readonly after: ThreadEvent | undefined; readonly signal: AbortSignal },
  ): AsyncGenerator<ThreadEvent> {
    const news = this.client.listen(`/api/v1/threads/${threadId}/events`, {
      query: { internal: true },
      signal,
      ...(after && { after: positionOf(after) }),
    });
    for await (const { data } of news) {
      const event: unknown = JSON.parse(data);
      if (isThreadEvent(event)) yield event;
    }
  }

  /** What happens to the app's code, on a server for development. */
  codeNews(signal: AbortSignal): AsyncGenerator<SseMessage, void> {
    return this.client.listen('/api/v1/dev', { signal });
  }

  /** Newest first. */
  async runs(threadId: string, cursor?: string): Promise<Page<RunSummary>> {
    const { runs, next_cursor: next } = await this.client.threads.runs(threadId, {
      limit: 30,
      cursor,
    });
    return { items: runs, cursor: next ?? undefined };
  }

  async newestRun(threadId: string): Promise<RunSummary | undefined> {
    return (await this.client.threads.runs(threadId, { limit: 1 })).runs[0];
  }

  trace(runId: string, attempt?: number): Promise<Trace> {
    return this.client.request(`/api/v1/runs/${runId}/trace`, { query: { attempt } });
  }

  /** What a protocol would have streamed for a run that is over. */
  wire(runId: string, protocol: string): Promise<string> {
    return this.client.request(`/api/v1/runs/${runId}/wire/${protocol}`);
  }

  startRun(threadId: string, body: object): Promise<RunSummary> {
    const key = crypto.randomUUID();
    return this.client.request(`/api/v1/threads/${threadId}/runs`, { method: 'POST', body, key });
  }

  /** Executes a failed durable run once more. */
  async retry(runId: string): Promise<void> {
    await this.client.request(`/api/v1/runs/${runId}/retry`, { method: 'POST' });
  }

  /** The threads that wait for the answer of a service: of the oldest open questions. */
  async threadsToAnswer(contactId: string | undefined): Promise<ReadonlySet<string>> {
    const { questions } = await this.client.request<{
      readonly questions: readonly { readonly thread_id: string }[];
    }>('/api/v1/questions', {
      query: { audience: 'service', state: 'open', limit: 200, contact_id: contactId },
    });
    return new Set(questions.map(({ thread_id: id }) => id));
  }

  question(questionId: string): Promise<AskedService> {
    return this.client.request(`/api/v1/questions/${questionId}`);
  }

  /** Answers a question to a service. */
  async answer(questionId: string, value: unknown): Promise<void> {
    const key = crypto.randomUUID();
    await this.client.request(`/api/v1/questions/${questionId}/answer`, { body: { value }, key });
  }
}

/** The id of an event in a live stream of its thread; also the cursor of the page after it. */
export function positionOf({ created_at: at, event_id: id }: ThreadEvent): string {
  return `${at.replaceAll(/\D/g, '')}.${id.replaceAll('-', '')}`;
}

function isThreadEvent(value: unknown): value is ThreadEvent {
  return typeof value === 'object' && value !== null && 'event_id' in value;
}
