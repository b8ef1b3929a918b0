// Threads for protocols whose clients send the whole history with every message.
import { eventDomain, newEvent, newId } from 'jims-core';
import type {
  AnswerRule,
  EventPosition,
  JimsApp,
  JsonObject,
  NewEvent,
  Thread,
  ThreadEvent,
} from 'jims-core';

import type { ApiContext, Call } from '../http/route.ts';
import { align, questionsOf } from './alignment.ts';
import type { HistoryMessage, SentHistory } from './alignment.ts';
import { configBy } from './client-config.ts';
import { externalIdIn } from './external-ids.ts';
import { questionIdOf } from './messages.ts';
import { namedThread, threadIdOf } from './named-thread.ts';
import type { SentFile } from './sent-files.ts';
import type { RunTarget } from './start-run.ts';

/** They are written in one transaction. */
const FORK_BYTES = 4 * 1024 * 1024;

/** A message of a client that sends the whole chat with it, decoded from its protocol. */
export interface ClientMessage {
  /** A thread of JIMS that the body names. */
  readonly threadId: string | undefined;
  readonly threadConfig: JsonObject;
  readonly earlier: readonly HistoryMessage[];
  readonly incoming: NewEvent;
  /** The files of the message. */
  readonly sentFiles: readonly SentFile[];
  /** What it has to do with questions; `undefined`: it answers the open one, if there is one. */
  readonly answer?: AnswerRule | undefined;
}

/** What a request says about where its message belongs. */
export interface MessageTarget {
  /** The contact it is for; `undefined` when none is named. */
  readonly contactId: string | undefined;
  /** The contact that its thread belongs to then. */
  readonly nobody: string;
  /** The thread that the request names: then the server's history counts. */
  readonly threadId: string | undefined;
  /** The client's own name for the chat: then the client's history counts. */
  readonly chatId: ChatId | undefined;
  /** Where a new thread came from, for its config. */
  readonly interface: string;
}

/** Finds the thread of a message: the one that is named, the one of its chat, or a new one. */
export async function threadOfMessage(
  api: ApiContext,
  call: Call,
  { earlier, incoming, threadConfig, answer }: ClientMessage,
  { contactId, nobody, threadId, chatId, interface: name }: MessageTarget,
): Promise<RunTarget> {
  if (threadId !== undefined) {
    return { thread: namedThread(api, call, { threadId: threadIdOf(threadId), contactId }) };
  }
  return threadOfHistory(api.app, {
    contactId: contactId ?? nobody,
    chatId,
    earlier,
    message: String(incoming.data['content']),
    threadConfig: configBy(call.principal, threadConfig, name),
    receivedAt: call.receivedAt,
    trusted: call.principal.kind === 'service',
    namesQuestion: answer?.kind === 'question',
  });
}

/** A history that its client owns: its user can edit it, and ask for another answer. */
export interface ClientHistory extends SentHistory {
  readonly contactId: string;
  /** Without it every request makes a new thread. */
  readonly chatId: ChatId | undefined;
  readonly threadConfig: Readonly<Record<string, unknown>>;
  /** Whether the message names the question that it answers: then it goes on where that was asked. */
  readonly namesQuestion?: boolean;
}

/** A client's name for a chat, within its contact and protocol. */
export interface ChatId {
  readonly protocol: string;
  readonly id: string;
}

/**
 * Finds the thread that a client's history belongs to: the one of its chat, or a new one. When the client
 * has edited a message, or wants another answer, the thread is forked there, and the fork replaces it:
 * see {@link align}.
 */
export async function threadOfHistory(app: JimsApp, history: ClientHistory): Promise<RunTarget> {
  const { contactId, chatId, threadConfig, earlier } = history;
  if (!chatId) {
    const { events, eventFiles } = toEvents(earlier);
    return { thread: { kind: 'new', contactId, threadConfig, events }, eventFiles };
  }
  const externalId = externalIdIn(chatId.protocol, chatId.id);
  const known = await threadOfChat(app, contactId, chatId);
  if (!known) {
    const { events, eventFiles } = toEvents(answered(earlier));
    return {
      thread: { kind: 'external', contactId, externalId, threadConfig, events },
      eventFiles,
    };
  }
  if (history.namesQuestion) return { thread: { kind: 'thread', threadId: known.id, contactId } };
  const { fork, added } = align(await questionsOf(app.threads.allEvents(known)), history);
  if (!fork && added.length === 0) {
    return { thread: { kind: 'thread', threadId: known.id, contactId } };
  }
  const { events, eventFiles } = toEvents(added);
  return {
    thread: {
      kind: 'new',
      contactId,
      externalId,
      replaces: known.id,
      threadConfig: known.config,
      events: [...(await copies(app, known, fork)), ...events],
    },
    eventFiles,
    replacedFiles: fork?.files,
    // Another message of the chat was quicker: compare with the thread that it made.
    onMoved: () => threadOfHistory(app, history),
  };
}

/** The history up to the last answer: what was said later was refused, or never arrived. */
function answered(earlier: readonly HistoryMessage[]): readonly HistoryMessage[] {
  return earlier.slice(0, earlier.findLastIndex(({ role }) => role === 'assistant') + 1);
}

/** The thread that a chat is in now; `undefined` before its first message. */
export async function threadOfChat(
  app: JimsApp,
  contactId: string,
  { protocol, id }: ChatId,
): Promise<Thread | undefined> {
  return (await app.threads.findByExternalId(contactId, externalIdIn(protocol, id)))?.thread;
}

/**
 * Copies the events that a fork of a thread begins with: those before a position, or all. Of a large
 * thread these are the newest {@link FORK_BYTES}, and the states. Questions stay with the other thread.
 */
export async function copies(
  app: JimsApp,
  thread: Thread,
  before: EventPosition | undefined,
): Promise<readonly NewEvent[]> {
  const bounds = { ...(before && { before }), maxBytes: FORK_BYTES };
  const events = await app.threads.eventsBefore(thread.id, bounds);
  return events
    .filter(({ type }) => eventDomain(type) !== 'jims')
    .map((event) => ({ id: newId(), type: event.type, data: withoutQuestion(event) }));
}

/** The data of an event, of a question that of a plain message. */
function withoutQuestion(event: ThreadEvent): JsonObject {
  if (questionIdOf(event) === undefined) return event.data;
  return Object.fromEntries(Object.entries(event.data).filter(([name]) => name !== 'question_id'));
}

/** Messages of a client's history as events, and the files that go with them. */
function toEvents(
  history: readonly HistoryMessage[],
): Required<Pick<RunTarget, 'eventFiles'>> & { readonly events: readonly NewEvent[] } {
  const events = history.map(toEvent);
  const files = history.flatMap(({ files: sent = [] }, index) => {
    const id = events[index]?.id;
    return id !== undefined && sent.length > 0 ? [[id, sent] as const] : [];
  });
  return { events, eventFiles: new Map(files) };
}

/** A message of a client's history, as an event without its files. */
export function toEvent({ role, content }: HistoryMessage): NewEvent {
  return newEvent(`comm.${role}_message`, { role, content });
}
