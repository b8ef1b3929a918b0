import { isMessage } from './chat-message.ts';
import { cursorOf, withEvents, withQuestion } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import type { Query, Transport } from './transport.ts';
import type { EventPage, FeedbackPage, RunPage, RunSummary, Thread, ThreadEvent } from './wire.ts';

const LONG_PAGE = 200;

/** The stored part of a thread, read into the state of a chat. */
export class ThreadLog {
  readonly path: string;
  readonly #transport: Transport;
  readonly #store: ChatStore;
  #older: string | null = null;

  constructor(transport: Transport, store: ChatStore, threadId: string) {
    this.#transport = transport;
    this.#store = store;
    this.path = `/api/v1/threads/${threadId}`;
  }

  /** Reads the newest messages, and what is known of them; resolves with the newest runs. */
  async load(signal: AbortSignal): Promise<readonly RunSummary[]> {
    const [page, { runs }, { feedback }] = await Promise.all([
      this.#newest(signal),
      this.#get<RunPage>('/runs', signal),
      this.#get<FeedbackPage>('/feedback', signal, { limit: LONG_PAGE }),
      this.refresh(signal),
    ]);
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
          hasOlder: page.next_cursor !== null,
          isLoading: false,
        },
        page.events,
      ),
    );
    return runs;
  }

  /** Reads the page before the oldest message. */
  async loadOlder(signal: AbortSignal): Promise<void> {
    if (this.#older === null) return;
    const page = await this.#newest(signal, this.#older);
    const hasOlder = page.next_cursor !== null;
    this.#store.update((state) => ({ ...withEvents(state, page.events), hasOlder }));
  }

  /**
   * Reads what came after the newest known message. Resolves with `false` when a message that was sent
   * meanwhile has to be accepted first.
   */
  async sync(signal: AbortSignal): Promise<boolean> {
    for (let cursor: string | undefined | null = cursorOf(this.#store.state); cursor !== null;) {
      const query = { domain: 'comm', limit: LONG_PAGE, cursor };
      const page: EventPage = await this.#get('/events', signal, query);
      if (!this.take(page.events)) return false;
      cursor = page.next_cursor;
    }
    return true;
  }

  /**
   * Adds events that came one after the other. Returns whether all of them are known now: else what follows
   * must not be taken before they are read again.
   */
  take(events: readonly ThreadEvent[]): boolean {
    this.#store.update((state) => withEvents(state, events));
    const known = new Set(this.#store.state.messages.map(({ id }) => id));
    return events.every(
      ({ event_id, event_data }) => known.has(event_id) || !isMessage(event_data),
    );
  }

  /** Reads what the thread is called, and what it waits for. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { title, question, contact_id } = await this.#get<Thread>('', signal);
    const { contactId = contact_id ?? undefined } = this.#store.state;
    this.#store.update((state) =>
      withQuestion({ ...state, title: title ?? undefined, contactId }, question),
    );
  }

  async #newest(signal: AbortSignal, cursor?: string): Promise<EventPage> {
    const query = { domain: 'comm', order: 'desc', cursor };
    const page = await this.#get<EventPage>('/events', signal, query);
    this.#older = page.next_cursor;
    return page;
  }

  async #get<T>(path: string, signal: AbortSignal, query?: Query): Promise<T> {
    const { line } = this.#store;
    const options = { query, signal, tries: Infinity, ...line };
    const answer = await this.#transport.json<T>(this.path + path, options);
    line.onOpen();
    return answer;
  }
}
