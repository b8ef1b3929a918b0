// The stored part of a thread, read into the state of a chat until it works, or a signal aborts.
import { cursorOf, withEvents, withQuestion } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import type { Query } from './transport.ts';
import type { EventPage, FeedbackPage, RunPage, RunSummary, Thread, ThreadEvent } from './wire.ts';

const LONG_PAGE = 200;

export function threadPath({ state }: ChatStore): string {
  return `/api/v1/threads/${state.threadId}`;
}

/** Reads the newest runs, or those before a position. */
export async function readRuns(
  store: ChatStore,
  signal: AbortSignal,
  cursor?: string,
): Promise<readonly RunSummary[]> {
  const { runs } = await get<RunPage>(store, '/runs', signal, { cursor });
  for (const { run_id, status } of runs)
    store.change(run_id, { isUnanswered: status === 'failed' });
  return runs;
}

/** Reads the newest messages, or those before a position, and what the contact thinks of them. */
export async function readPage(
  store: ChatStore,
  signal: AbortSignal,
  cursor?: string,
): Promise<void> {
  const path = threadPath(store);
  const [{ events, next_cursor: older }, { feedback }] = await Promise.all([
    pageOf(store, signal, { order: 'desc', cursor }),
    get<FeedbackPage>(store, '/feedback', signal, { limit: LONG_PAGE }),
  ]);
  // The chat went on in a copy meanwhile.
  if (path !== threadPath(store)) return;
  const { messages } = store.state;
  // Copied messages have other ids than those that they were copied from.
  if (!cursor) store.set({ messages: messages.filter(({ createdAt }) => !createdAt) });
  takeEvents(store, events.toReversed());
  for (const { message_id, value, comment } of feedback)
    store.change(message_id, { feedback: { value, ...(comment && { comment }) } });
  store.set({ older });
}

/** Reads the page before the oldest message. */
export async function loadOlder(store: ChatStore): Promise<void> {
  const { older } = store.state;
  if (older === null) return;
  await readPage(store, store.life.signal, older);
  await readRuns(store, store.life.signal, older);
}

/** Reads what came after the newest known message. */
export async function syncLog(store: ChatStore, signal: AbortSignal): Promise<void> {
  for (let cursor: string | undefined | null = cursorOf(store.state); cursor !== null;) {
    const page = await pageOf(store, signal, { limit: LONG_PAGE, cursor });
    takeEvents(store, page.events);
    cursor = page.next_cursor;
  }
}

/** Adds events, oldest first. */
export function takeEvents(store: ChatStore, events: readonly ThreadEvent[]): void {
  store.update((state) => withEvents(state, events));
}

/** Reads what the thread is called, and what it waits for. */
export async function refreshThread(store: ChatStore, signal: AbortSignal): Promise<void> {
  const { title, question, contact_id } = await get<Thread>(store, '', signal);
  const { contactId = contact_id ?? undefined } = store.state;
  store.set({ title: title ?? undefined, contactId });
  store.update((state) => withQuestion(state, question));
}

/** While a message is on its way nobody knows whether a new one of the log is that message: read again then. */
async function pageOf(store: ChatStore, signal: AbortSignal, query: Query): Promise<EventPage> {
  for (;;) {
    const { sending } = store;
    await sending;
    const page = await get<EventPage>(store, '/events', signal, { domain: 'comm', ...query });
    if (sending === store.sending) return page;
  }
}

function get<T>(store: ChatStore, path: string, signal: AbortSignal, query?: Query): Promise<T> {
  const { transport, onLine } = store;
  return transport.json<T>(threadPath(store) + path, { query, signal, tries: Infinity, onLine });
}
