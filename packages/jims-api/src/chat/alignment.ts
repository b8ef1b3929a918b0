// How the history that a client sends fits the log of its thread.
import { createHash } from 'node:crypto';

import { eventDomain } from 'jims-core';
import type { EventPosition, ThreadEvent } from 'jims-core';

import { timeOfUuid } from '../http/fastapi/uuid.ts';
import { filesOf } from './message-members.ts';
import { listedText } from './messages.ts';
import type { SentFile } from './sent-files.ts';

export interface HistoryMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
  /** The files of a message of the user. */
  readonly files?: readonly SentFile[];
}

/** A new message, with the chat as its client knows it. */
export interface SentHistory {
  /** What was said before the new message, oldest first. */
  readonly earlier: readonly HistoryMessage[];
  /** The new message. */
  readonly message: string;
  /** When the request arrived, in milliseconds since 1970: its client knows nothing that was said later. */
  readonly receivedAt: number;
  /** Whether messages of the assistant that only the client knows may be added to an existing thread. */
  readonly trusted: boolean;
}

/** Something that the user said in a thread. */
export interface Question extends EventPosition {
  readonly text: string;
  /** False for an answer that its client gave without a message: it may be missing. */
  readonly isListed: boolean;
  readonly isAnswered: boolean;
  /** The ids of its files. */
  readonly files: readonly string[];
}

/** How a client's history fits the log of its thread. */
export interface Alignment {
  /** The question before which the thread is to be forked; `undefined`: none. */
  readonly fork: Question | undefined;
  /** Messages to add after the part that both share: another service answered them. */
  readonly added: readonly HistoryMessage[];
}

/**
 * Compares a client's history with the questions of its thread, by their text, and whether they have
 * files. The assistant's messages are not compared, because clients reformat them.
 *
 * - Messages that only the client has were refused, or never arrived: they are skipped. When the client
 *   is trusted and also has an answer to such a message, another service gave it in the same chat: both
 *   are added.
 * - Questions that only the thread has: at the first of them that was answered, or that is sent again
 *   now, the client has edited its message or wants another answer. There the thread is forked. A
 *   question without an answer, of a run that failed, may be missing: clients take it back. So may a
 *   question that was stored after the request arrived: its client cannot know it. So may an answer that
 *   was given without a message. So may the beginning of the chat: clients leave it out when a chat gets long.
 */
export function align(
  questions: readonly Question[],
  { earlier, message, receivedAt, trusted }: SentHistory,
): Alignment {
  let next = beginningOf(questions, earlier);
  let unknown = 0;
  for (const [index, said] of earlier.entries()) {
    const found = said.role === 'user' ? indexOf(questions, saidAs(said), next) : undefined;
    if (found === undefined) continue;
    next = found + 1;
    unknown = index + 1;
  }
  const again = comparable(message);
  const fork = questions
    .slice(next)
    .find(
      ({ id, isAnswered, isListed, text }) =>
        isListed && (isAnswered || text === again) && !isMadeSince(id, receivedAt),
    );
  return { fork, added: trusted ? exchanges(earlier.slice(unknown)) : [] };
}

/** The question with which the chat begins that the client has: the first one, or where that was left out a later one. */
function beginningOf(questions: readonly Question[], earlier: readonly HistoryMessage[]): number {
  const ofUser = earlier.filter(({ role }) => role === 'user');
  const first = ofUser[0] && saidAs(ofUser[0]);
  if (!first || indexOf(questions, first, 0) !== undefined) return 0;
  const said = ofUser.map(saidAs);
  const starts = questions.flatMap((each, index) => (isSame(each, first) ? [index] : []));
  return starts.slice(-MAX_STARTS).findLast((start) => hasAll(questions, said, start)) ?? 0;
}

/** In a chat of which each message is the same word, each of them could be the beginning. */
const MAX_STARTS = 100;

/** Whether the questions from one on have all that was said. */
function hasAll(questions: readonly Question[], said: readonly Said[], start: number): boolean {
  let next = start;
  return said.every((each) => {
    const found = indexOf(questions, each, next);
    next = (found ?? next) + 1;
    return found !== undefined;
  });
}

/** Reads the questions of a log. */
export async function questionsOf(
  log: AsyncIterable<readonly ThreadEvent[]>,
): Promise<readonly Question[]> {
  const questions: Question[] = [];
  let open: Omit<Question, 'isAnswered'> | undefined;
  for await (const events of log) {
    for (const event of events) {
      if (eventDomain(event.type) !== 'comm') continue;
      const { role } = event.data;
      if (open) questions.push({ ...open, isAnswered: role === 'assistant' });
      open = role === 'user' ? questionOf(event) : undefined;
    }
  }
  if (open) questions.push({ ...open, isAnswered: false });
  return questions;
}

/** What a message of a history is compared by. */
interface Said {
  readonly text: string;
  readonly hasFiles: boolean;
}

function saidAs({ content, files = [] }: HistoryMessage): Said {
  return { text: comparable(content), hasFiles: files.length > 0 };
}

/** Many clients leave the files of earlier messages out, but none adds one. */
function isSame({ text, files }: Question, said: Said): boolean {
  return text === said.text && (files.length > 0 || !said.hasFiles);
}

function questionOf(event: ThreadEvent): Omit<Question, 'isAnswered'> {
  const { id, createdAt, data } = event;
  const listed = listedText(event);
  const text = comparable(listed ?? String(data['content']));
  const files = filesOf(event).map(({ file_id: fileId }) => fileId);
  return { id, createdAt, text, files, isListed: listed !== undefined };
}

const LONG = 100;

/** Long text by its beginning and a digest: all questions of a thread are in memory to be compared. */
function comparable(text: string): string {
  if (text.length <= LONG) return text;
  return `${text.slice(0, LONG)}${createHash('sha256').update(text).digest('base64')}`;
}

/** The index of the next question that is this message, when no question before it was answered. */
function indexOf(questions: readonly Question[], said: Said, from: number): number | undefined {
  for (let index = from; index < questions.length; index++) {
    const question = questions[index];
    if (question && isSame(question, said)) return index;
    const { isAnswered, isListed } = question ?? {};
    if (isAnswered && isListed) return undefined;
  }
  return undefined;
}

/** The messages of the user that have an answer, each with its answer. */
function exchanges(history: readonly HistoryMessage[]): readonly HistoryMessage[] {
  const beginning = history.findIndex(({ role }) => role === 'user');
  const said = beginning < 0 ? [] : history.slice(beginning);
  return said.filter(
    ({ role }, index) => role === 'assistant' || said[index + 1]?.role === 'assistant',
  );
}

/**
 * Whether an id was made since then, by the time in it. Other writers of a thread may make ids without
 * a time, or with another one.
 */
function isMadeSince(id: string, since: number): boolean {
  const madeAt = timeOfUuid(id);
  return madeAt !== undefined && madeAt >= since && madeAt <= Date.now();
}
