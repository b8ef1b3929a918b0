// Where the history that a client sends fits the log of its thread.
import { createHash } from 'node:crypto';

import { eventDomain } from 'jims-core';
import type { EventPosition, ThreadEvent } from 'jims-core';

import { timeOfUuid } from '../http/fastapi/uuid.ts';

export interface HistoryMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** What a client sends of a chat. */
export interface SentHistory {
  /** What was said before the new message, oldest first. */
  readonly earlier: readonly HistoryMessage[];
  /** The new message. */
  readonly message: string;
  /** When the request arrived: its client knows nothing that was said later. */
  readonly receivedAt: number;
  /** Whether what it says that the assistant said may be added to a thread that is there. */
  readonly trusted: boolean;
}

/** Something that the user said in a thread. */
export interface Question extends EventPosition {
  readonly text: string;
  readonly isAnswered: boolean;
}

/** How a client's history fits the log of its thread. */
export interface Alignment {
  /** The question before which the thread is to be forked; `undefined`: none. */
  readonly fork: Question | undefined;
  /** What comes after the part that both share: what another service answered the client. */
  readonly added: readonly HistoryMessage[];
}

/**
 * Compares a client's history with the questions of its thread, by their texts. (Texts of the assistant
 * are not compared: clients reformat them.)
 *
 * - Messages that the client has and the thread has not were refused, or never arrived: they are passed
 *   over. Only when the client also has an answer to one, by another service under the same chat, and
 *   what it says of the assistant is trusted, are both added.
 * - Questions that the thread has and the client has not: at the first of them that was answered, or that
 *   is sent again now, the client has edited its message or wants another answer. There the thread is
 *   forked. One without an answer, of a run that failed, may be missing: clients take it back. So may
 *   one that was stored after the request arrived: its client cannot know it.
 */
export function align(
  questions: readonly Question[],
  { earlier, message, receivedAt, trusted }: SentHistory,
): Alignment {
  let next = 0;
  let unknown = 0;
  for (const [index, { role, content }] of earlier.entries()) {
    const found = role === 'user' ? positionOf(questions, comparable(content), next) : undefined;
    if (found === undefined) continue;
    next = found + 1;
    unknown = index + 1;
  }
  const again = comparable(message);
  const fork = questions
    .slice(next)
    .find(
      ({ id, isAnswered, text }) => (isAnswered || text === again) && !isMadeSince(id, receivedAt),
    );
  return { fork, added: trusted ? exchanges(earlier.slice(unknown)) : [] };
}

/** The questions of a log. */
export async function questionsOf(
  log: AsyncIterable<readonly ThreadEvent[]>,
): Promise<readonly Question[]> {
  const questions: Question[] = [];
  let open: Omit<Question, 'isAnswered'> | undefined;
  for await (const events of log) {
    for (const { id, createdAt, type, data } of events) {
      if (eventDomain(type) !== 'comm') continue;
      const { role, content } = data;
      if (open) questions.push({ ...open, isAnswered: role === 'assistant' });
      open = role === 'user' ? { id, createdAt, text: comparable(String(content)) } : undefined;
    }
  }
  if (open) questions.push({ ...open, isAnswered: false });
  return questions;
}

const LONG = 100;

/** Of a long text a digest: all questions of a thread are compared, and are in memory for it. */
function comparable(text: string): string {
  if (text.length <= LONG) return text;
  return `${text.slice(0, LONG)}${createHash('sha256').update(text).digest('base64')}`;
}

/** The next question with this text, when nothing but questions without an answer are before it. */
function positionOf(
  questions: readonly Question[],
  text: string,
  from: number,
): number | undefined {
  for (let position = from; position < questions.length; position++) {
    if (questions[position]?.text === text) return position;
    if (questions[position]?.isAnswered) return undefined;
  }
  return undefined;
}

/** The messages of the user that have an answer, with it; what answers an earlier one is at the beginning. */
function exchanges(history: readonly HistoryMessage[]): readonly HistoryMessage[] {
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
  const madeAt = timeOfUuid(id);
  return madeAt !== undefined && madeAt >= since && madeAt <= Date.now();
}
