import { eventDomain, newEvent } from 'jims-core';
import type { JimsApp, NewEvent, RunThread, Thread, ThreadEvent } from 'jims-core';

// Threads for protocols whose clients send the whole history with every message.
import { notFound } from './errors.ts';

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
  const events = known ? await app.allEvents(known) : [];
  const fork = known ? forkPoint(events, history) : 'client_knows_more';
  if (known && fork === 'none') return { kind: 'thread', threadId: known.id, contactId };
  return {
    kind: 'new',
    contactId,
    threadConfig: known?.config ?? threadConfig,
    events: typeof fork === 'number' ? copies(events.slice(0, fork)) : earlier.map(toEvent),
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

/** Where the client's history leaves that of the thread. */
function forkPoint(
  events: readonly ThreadEvent[],
  { earlier, message }: ClientHistory,
): number | 'none' | 'client_knows_more' {
  const sent = earlier.filter(({ role }) => role === 'user').map(({ content }) => content);
  let matched = 0;
  for (const question of questions(events)) {
    if (question.content === sent[matched]) matched++;
    // A failed run leaves its question without an answer, and clients may take it back. Asked again
    // it must not be in the log twice.
    else if (question.answered || question.content === message) return question.index;
  }
  return matched === sent.length ? 'none' : 'client_knows_more';
}

interface Question {
  readonly content: unknown;
  readonly index: number;
  readonly answered: boolean;
}

function questions(events: readonly ThreadEvent[]): readonly Question[] {
  const said = events.flatMap(({ type, data: { role, content } }, index) =>
    eventDomain(type) === 'comm' ? [{ role, content, index }] : [],
  );
  return said.flatMap(({ role, content, index }, place) =>
    role === 'user' ? [{ content, index, answered: said[place + 1]?.role === 'assistant' }] : [],
  );
}

/** The events that a fork of their thread begins with. */
export function copies(events: readonly ThreadEvent[]): readonly NewEvent[] {
  return events
    .filter(({ type }) => eventDomain(type) !== 'jims')
    .map(({ type, data }) => newEvent(type, data));
}

/** What a client says was said, as an event. */
export function toEvent({ role, content }: SaidText): NewEvent {
  return newEvent(`comm.${role}_message`, { role, content });
}
