// Threads for protocols whose clients send the whole history with every message.
import { eventDomain, newEvent } from 'jims-core';
import type { JimsApp, NewEvent, RunThread, Thread, ThreadEvent } from 'jims-core';

import { externalIdIn } from './external-ids.ts';
import { timeOfUuidV7 } from './uuid.ts';

/** A history that the client owns: its user can edit it, and have an answer made anew. */
export interface ClientHistory {
  readonly contactId: string;
  /** Without it every request is a new thread. */
  readonly chatId: ChatId | undefined;
  /** What was said before the new message, oldest first. */
  readonly earlier: readonly SaidText[];
  /** The new message. */
  readonly message: string;
  readonly threadConfig: Readonly<Record<string, unknown>>;
  /** When the request arrived: its client knows nothing that was asked later. */
  readonly receivedAt: number;
  /** Whether what it says that the assistant said may be added to a thread that is there. */
  readonly trusted: boolean;
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

/** Where a run belongs, and where it does when that thread has moved before the run was accepted. */
export interface HistoryPlace {
  readonly thread: RunThread;
  readonly onMoved?: () => Promise<RunThread>;
}

/**
 * The thread that a client's history belongs to: that of its chat, or a new one. When the client has
 * edited a message, or asks for another answer, the thread is forked there, and the fork takes its place:
 * see {@link align}.
 */
export async function threadOfHistory(app: JimsApp, history: ClientHistory): Promise<HistoryPlace> {
  const { contactId, chatId, threadConfig, earlier } = history;
  const events = earlier.map(toEvent);
  if (!chatId) return { thread: { kind: 'new', contactId, threadConfig, events } };
  const externalId = externalIdIn(chatId.protocol, chatId.id);
  const known = await threadOfChat(app, contactId, chatId);
  if (!known) {
    return { thread: { kind: 'external', contactId, externalId, threadConfig, events } };
  }
  const log = await app.allEvents(known);
  const { shared, added } = align(log, history);
  if (shared === log.length && added.length === 0) {
    return { thread: { kind: 'thread', threadId: known.id, contactId } };
  }
  return {
    thread: {
      kind: 'new',
      contactId,
      externalId,
      replaces: known.id,
      threadConfig: known.config,
      events: [...copies(log.slice(0, shared)), ...added.map(toEvent)],
    },
    // Another message of the chat was quicker: what it made is what this one is to be compared with.
    onMoved: async () => (await threadOfHistory(app, history)).thread,
  };
}

/** The thread that a chat is in now; `undefined` before its first message. */
export async function threadOfChat(
  app: JimsApp,
  contactId: string,
  { protocol, id }: ChatId,
): Promise<Thread | undefined> {
  return (await app.threadByExternalId(contactId, externalIdIn(protocol, id)))?.thread;
}

/** How a client's history fits the log of its thread. */
export interface Alignment {
  /** How many events of the log come before the new message; all, when the thread just goes on. */
  readonly shared: number;
  /** What comes between: what the client was answered elsewhere. */
  readonly added: readonly SaidText[];
}

/**
 * Compares a client's history with the log of its thread, by the texts of the user. (Texts of the
 * assistant are not compared: clients reformat them.)
 *
 * - Messages that the client has and the log has not were refused, or never arrived: they are passed
 *   over. Only when the client also has an answer to one, by another service under the same chat, and
 *   what it says of the assistant is trusted, do both go into the log.
 * - Questions that the log has and the client has not: at the first of them that was answered, or that is
 *   asked again now, the client has edited its message or wants another answer. There the thread is
 *   forked. One without an answer, of a run that failed, may be missing: clients take it back. So may
 *   one that was asked after the request arrived: its client cannot know it.
 */
export function align(
  log: readonly Pick<ThreadEvent, 'id' | 'type' | 'data'>[],
  {
    earlier,
    message,
    receivedAt,
    trusted,
  }: Omit<ClientHistory, 'contactId' | 'chatId' | 'threadConfig'>,
): Alignment {
  const stored = questions(log);
  let next = 0;
  let unknown = 0;
  for (const [index, { role, content }] of earlier.entries()) {
    if (role !== 'user') continue;
    const found = positionOf(stored, content, next);
    if (found === undefined) continue;
    next = found + 1;
    unknown = index + 1;
  }
  const missing = stored
    .slice(next)
    .find(
      ({ id, answered, content }) =>
        (answered || content === message) && !isMadeSince(id, receivedAt),
    );
  const added = trusted ? exchanges(earlier.slice(unknown)) : [];
  return { shared: missing?.index ?? log.length, added };
}

/** The next question with this text, when nothing but questions without an answer are before it. */
function positionOf(
  stored: readonly Question[],
  content: string,
  from: number,
): number | undefined {
  for (let position = from; position < stored.length; position++) {
    if (stored[position]?.content === content) return position;
    if (stored[position]?.answered) return undefined;
  }
  return undefined;
}

/** The messages of the user that have an answer, with it; what answers an earlier one is at the beginning. */
function exchanges(history: readonly SaidText[]): readonly SaidText[] {
  const beginning = history.findIndex(({ role }) => role === 'user');
  const said = beginning < 0 ? [] : history.slice(beginning);
  return said.filter(
    ({ role }, index) => role === 'assistant' || said[index + 1]?.role === 'assistant',
  );
}

/**
 * Whether an id was made since then, by the time that is in it. Other writers of a thread may have ids
 * without one, or with a time of another kind.
 */
function isMadeSince(id: string, since: number): boolean {
  const madeAt = timeOfUuidV7(id);
  return madeAt !== undefined && madeAt >= since && madeAt <= Date.now();
}

interface Question {
  readonly id: string;
  readonly content: unknown;
  readonly index: number;
  readonly answered: boolean;
}

function questions(events: Parameters<typeof align>[0]): readonly Question[] {
  const said = events.flatMap(({ id, type, data: { role, content } }, index) =>
    eventDomain(type) === 'comm' ? [{ id, role, content, index }] : [],
  );
  return said.flatMap(({ role, ...question }, position) =>
    role === 'user' ? [{ ...question, answered: said[position + 1]?.role === 'assistant' }] : [],
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
