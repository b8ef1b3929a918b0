import { eventDomain, newEvent, newId } from 'jims-core';
import type { EventPosition, JimsApp, NewEvent, RunThread, Thread, ThreadEvent } from 'jims-core';

// Threads for protocols whose clients send the whole history with every message.
import { notFound } from './errors.ts';

/** They are written in one transaction. */
const FORK_BYTES = 4 * 1024 * 1024;

/** A history that the client owns: he can edit it, and have an answer made anew. */
export interface ClientHistory {
  readonly contactId: string;
  /** Without it every request is a new thread. */
  readonly chatId: ChatId | undefined;
  /** What was said before the new message, oldest first. */
  readonly earlier: readonly SaidText[];
  /** The new message. */
  readonly message: string;
  readonly threadConfig: Readonly<Record<string, unknown>>;
}

/** Names a client's chat within its contact and protocol. */
export interface ChatId {
  readonly protocol: string;
  readonly id: string;
}

export interface SaidText {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/**
 * The thread that a client's history belongs to. The thread goes on when both know the same messages
 * of the user. When the client has fewer or others, it is forked: a new thread with what both share
 * takes its place. When the client knows more, a new thread is made of what he sends. Assistant texts
 * are not compared: clients reformat them.
 *
 * @throws HttpError 404 when the chat is another contact's.
 */
export async function threadOfHistory(app: JimsApp, history: ClientHistory): Promise<RunThread> {
  const { contactId, chatId, threadConfig, earlier } = history;
  const known = chatId && (await threadOfChat(app, contactId, chatId));
  const fork = known ? await forkPoint(app.allEvents(known), history) : 'client_knows_more';
  if (known && fork === 'none') return { kind: 'thread', threadId: known.id, contactId };
  return {
    kind: 'new',
    contactId,
    threadConfig: known?.config ?? threadConfig,
    events:
      known && typeof fork === 'object' ? await copies(app, known, fork) : earlier.map(toEvent),
    ...(chatId && { externalId: externalIdOf(contactId, chatId) }),
  };
}

/**
 * The thread that a chat is in now; `undefined` before its first message.
 *
 * @throws HttpError 404 when the chat is another contact's: there may be colons in all parts of an
 * external id, so that two contacts can come to the same one.
 */
export async function threadOfChat(
  app: JimsApp,
  contactId: string,
  chatId: ChatId,
): Promise<Thread | undefined> {
  const known = await app.threadByExternalId(externalIdOf(contactId, chatId));
  if (known && known.thread.contactId !== contactId) throw notFound();
  return known?.thread;
}

function externalIdOf(contactId: string, { protocol, id }: ChatId): string {
  return `${protocol}:${contactId}:${id}`;
}

/** The question of a thread at which the client's history leaves it. */
async function forkPoint(
  log: AsyncIterable<readonly ThreadEvent[]>,
  { earlier, message }: ClientHistory,
): Promise<ThreadEvent | 'none' | 'client_knows_more'> {
  const sent = earlier.filter(({ role }) => role === 'user').map(({ content }) => content);
  let matched = 0;
  for await (const { event, isAnswered } of questions(log)) {
    const { content } = event.data;
    if (content === sent[matched]) matched++;
    // A failed run leaves its question without an answer, and clients may take it back. Asked again
    // it must not be in the log twice.
    else if (isAnswered || content === message) return event;
  }
  return matched === sent.length ? 'none' : 'client_knows_more';
}

interface Question {
  readonly event: ThreadEvent;
  readonly isAnswered: boolean;
}

async function* questions(log: AsyncIterable<readonly ThreadEvent[]>): AsyncGenerator<Question> {
  let asked: ThreadEvent | undefined;
  for await (const events of log) {
    for (const event of events) {
      if (eventDomain(event.type) !== 'comm') continue;
      const { role } = event.data;
      if (asked) yield { event: asked, isAnswered: role === 'assistant' };
      asked = role === 'user' ? event : undefined;
    }
  }
  if (asked) yield { event: asked, isAnswered: false };
}

/**
 * The events that a fork of a thread begins with: what was there before one of its events. Of a large
 * thread these are the newest {@link FORK_BYTES}, and the states.
 */
export async function copies(
  app: JimsApp,
  thread: Thread,
  before: EventPosition,
): Promise<readonly NewEvent[]> {
  const events = await app.eventsBefore(thread.id, { before, maxBytes: FORK_BYTES });
  return events
    .filter(({ type }) => eventDomain(type) !== 'jims')
    .map(({ type, data }) => ({ id: newId(), type, data }));
}

/** What a client says was said, as an event. */
export function toEvent({ role, content }: SaidText): NewEvent {
  return newEvent(`comm.${role}_message`, { role, content });
}
