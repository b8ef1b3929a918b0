import { cursorOf, withEvents, withQuestion } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import type { Query } from './transport.ts';
import type { EventPage, FeedbackPage, RunPage, RunSummary, Thread, ThreadEvent } from './wire.ts';

const LONG_PAGE = 200;

/** The stored part of a thread, read into the state of a chat. */
export class ThreadLog {
  readonly path: string;
  readonly #store: ChatStore;

  constructor(store: ChatStore) {
    this.#store = store;
    this.path = `/api/v1/threads/${store.state.threadId}`;
  }

  /** Reads the newest messages, and what is known of them; resolves with the newest runs. */
  async load(signal: AbortSignal): Promise<readonly RunSummary[]> {
    const [page, { feedback }] = await Promise.all([
      this.#newest(signal),
      this.#get<FeedbackPage>('/feedback', signal, { limit: LONG_PAGE }),
      this.refresh(signal),
    ]);
    const runs = await this.runs(signal);
    const given = feedback.map(({ message_id, value, comment }) => [
      message_id,
      { value, ...(comment !== null && { comment }) },
    ]);
    this.#store.update((state) =>
      withEvents(
        {
          ...state,
          // Copied messages have other ids than those that they were copied from.
          messages: state.messages.filter(({ createdAt }) => !createdAt),
          feedback: Object.fromEntries(given),
          older: page.next_cursor,
        },
        page.events,
      ),
    );
    return runs;
  }

  /** Reads the newest runs. */
  async runs(signal: AbortSignal): Promise<readonly RunSummary[]> {
    const { runs } = await this.#get<RunPage>('/runs', signal);
    return runs;
  }

  /** Reads the page before the oldest message. */
  async loadOlder(signal: AbortSignal): Promise<void> {
    const { older } = this.#store.state;
    if (older === null) return;
    const page = await this.#newest(signal, older);
    this.#store.update((state) => ({ ...withEvents(state, page.events), older: page.next_cursor }));
  }

  /** Reads what came after the newest known message. */
  async sync(signal: AbortSignal): Promise<void> {
    for (let cursor: string | undefined | null = cursorOf(this.#store.state); cursor !== null;) {
      const page = await this.#events(signal, { limit: LONG_PAGE, cursor });
      this.take(page.events);
      cursor = page.next_cursor;
    }
  }

  /** Adds events that came one after the other. */
  take(events: readonly ThreadEvent[]): void {
    this.#store.update((state) => withEvents(state, events));
  }

  /** Reads what the thread is called, and what it waits for. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { title, question, contact_id } = await this.#get<Thread>('', signal);
    this.#store.update((state) =>
      withQuestion(
        {
          ...state,
          title: title ?? undefined,
          contactId: state.contactId ?? contact_id ?? undefined,
        },
        question,
      ),
    );
  }

  #newest(signal: AbortSignal, cursor?: string): Promise<EventPage> {
    return this.#events(signal, { order: 'desc', cursor });
  }

  /** While a message is on its way nobody knows whether a new one of the log is that message: read again then. */
  async #events(signal: AbortSignal, query: Query): Promise<EventPage> {
    for (;;) {
      const sending = this.#store.sending;
      await sending;
      const page = await this.#get<EventPage>('/events', signal, { domain: 'comm', ...query });
      if (sending === this.#store.sending) return page;
    }
  }

  #get<T>(path: string, signal: AbortSignal, query?: Query): Promise<T> {
    const { transport, onLine } = this.#store;
    return transport.json<T>(this.path + path, { query, signal, tries: Infinity, onLine });
  }
}
