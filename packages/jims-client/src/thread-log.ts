// How a chat reads what is stored of its thread.
import { withEvents } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { EventPage, FeedbackPage, RunPage, RunSummary, Thread, ThreadEvent } from './wire.ts';

const PAGE = 50;
const LONG_PAGE = 200;
/** Those of a queue, and the one before them. */
const RUNS = 20;

/** The stored part of a thread, read into the state of a chat. */
export class ThreadLog {
  readonly threadId: string;
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #call: CallOptions;
  #older: string | null = null;

  constructor(
    threadId: string,
    {
      transport,
      store,
      ...call
    }: { readonly transport: Transport; readonly store: ChatStore } & CallOptions,
  ) {
    this.threadId = threadId;
    this.#transport = transport;
    this.#store = store;
    this.#call = call;
  }

  get path(): string {
    return `/api/v1/threads/${this.threadId}`;
  }

  /** The id with which the events after the newest known one are read. */
  get cursor(): string | undefined {
    const newest = this.#store.state.log.at(-1);
    return newest && cursorOf(newest);
  }

  /** Reads the newest messages, and what is known of them; resolves with the newest runs. */
  async load(): Promise<readonly RunSummary[]> {
    const [page, { runs }, { feedback }, thread] = await Promise.all([
      this.#page({ order: 'desc', limit: PAGE }),
      this.#get<RunPage>('/runs', { limit: RUNS }),
      this.#get<FeedbackPage>('/feedback', { limit: LONG_PAGE }),
      this.thread(),
    ]);
    this.#older = page.next_cursor;
    this.#store.update((state) => ({
      ...withEvents({ ...state, log: [] }, page.events),
      hasOlder: page.next_cursor !== null,
      isLoading: false,
      title: thread.title ?? undefined,
      question: thread.question,
      feedback: Object.fromEntries(
        feedback.map(({ message_id, value, comment }) => [
          message_id,
          { value, ...(comment !== null && { comment }) },
        ]),
      ),
    }));
    return runs;
  }

  /** Reads the page before the oldest message. */
  async loadOlder(): Promise<void> {
    const cursor = this.#older;
    if (cursor === null) return;
    const page = await this.#page({ order: 'desc', limit: PAGE, cursor });
    if (cursor !== this.#older) return;
    this.#older = page.next_cursor;
    const hasOlder = page.next_cursor !== null;
    this.#store.update((state) => ({ ...withEvents(state, page.events), hasOlder }));
  }

  /** Reads what came after the newest known message. */
  async sync(): Promise<void> {
    for (let { cursor }: { cursor?: string | undefined | null } = this; cursor !== null;) {
      const page = await this.#page({ limit: LONG_PAGE, cursor });
      this.#store.update((state) => withEvents(state, page.events));
      cursor = page.next_cursor;
    }
  }

  /** Reads what the thread is called, and what it waits for. */
  async refresh(): Promise<void> {
    const { title, question } = await this.thread();
    this.#store.set({ title: title ?? undefined, question });
  }

  thread(): Promise<Thread> {
    return this.#get<Thread>('');
  }

  #page(query: CallOptions['query']): Promise<EventPage> {
    return this.#get<EventPage>('/events', { ...query, domain: 'comm' });
  }

  #get<T>(path: string, query?: CallOptions['query']): Promise<T> {
    return this.#transport.json<T>(this.path + path, { ...this.#call, query });
  }
}

/** The service's own form of a position: the digits of the time, and those of the id. */
export function cursorOf({ created_at, event_id }: ThreadEvent): string {
  return `${created_at.replace(/\D/g, '')}.${event_id.replace(/-/g, '')}`;
}
