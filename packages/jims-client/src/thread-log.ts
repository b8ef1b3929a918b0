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
  readonly #onLost: () => void;
  #older: string | null = null;

  constructor(
    transport: Transport,
    store: ChatStore,
    { threadId, onLost }: { readonly threadId: string; readonly onLost: () => void },
  ) {
    this.#transport = transport;
    this.#store = store;
    this.threadId = threadId;
    this.#onLost = onLost;
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
  async load(signal: AbortSignal): Promise<readonly RunSummary[]> {
    const [page, { runs }, { feedback }, thread] = await Promise.all([
      this.#page({ order: 'desc', limit: PAGE }, signal),
      this.#get<RunPage>('/runs', { limit: RUNS }, signal),
      this.#get<FeedbackPage>('/feedback', { limit: LONG_PAGE }, signal),
      this.#get<Thread>('', {}, signal),
    ]);
    this.#older = page.next_cursor;
    this.#store.update((state) => ({
      ...withEvents({ ...state, log: [] }, page.events),
      hasOlder: page.next_cursor !== null,
      isLoading: false,
      contactId: thread.contact_id ?? undefined,
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
  async loadOlder(signal: AbortSignal): Promise<void> {
    const cursor = this.#older;
    if (cursor === null) return;
    const page = await this.#page({ order: 'desc', limit: PAGE, cursor }, signal);
    if (cursor !== this.#older) return;
    this.#older = page.next_cursor;
    const hasOlder = page.next_cursor !== null;
    this.#store.update((state) => ({ ...withEvents(state, page.events), hasOlder }));
  }

  /** Reads what came after the newest known message. */
  async sync(signal: AbortSignal): Promise<void> {
    for (let { cursor }: { cursor?: string | undefined | null } = this; cursor !== null;) {
      const page = await this.#page({ limit: LONG_PAGE, cursor }, signal);
      this.#store.update((state) => withEvents(state, page.events));
      cursor = page.next_cursor;
    }
  }

  /** Reads what the thread is called, and what it waits for. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { title, question } = await this.#get<Thread>('', {}, signal);
    this.#store.set({ title: title ?? undefined, question });
  }

  #page(query: CallOptions['query'], signal: AbortSignal): Promise<EventPage> {
    return this.#get<EventPage>('/events', { ...query, domain: 'comm' }, signal);
  }

  #get<T>(path: string, query: CallOptions['query'], signal: AbortSignal): Promise<T> {
    const options = { query, signal, tries: Infinity, onLost: this.#onLost };
    return this.#transport.json<T>(this.path + path, options);
  }
}

/** The service's own form of a position: the digits of the time, and those of the id. */
export function cursorOf({ created_at, event_id }: ThreadEvent): string {
  return `${created_at.replace(/\D/g, '')}.${event_id.replace(/-/g, '')}`;
}
