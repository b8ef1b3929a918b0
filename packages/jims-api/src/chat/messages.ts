// Messages, as every protocol reads and writes them.
import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { tooManyItems } from '../http/list.ts';
import { MAX_PARTS } from './sent-limits.ts';

const CALLBACK = 'btn:';
const CLICK = 'comm.user_button_click';

/** The member of an answer's data that says how its client lists it; see {@link asListed}. */
const LISTED_AS = 'listed_as';

/**
 * The event for what a user says in a protocol that has text only: `btn:<id>` is a click on a button,
 * anything else a message, unless the client names another type. With the id of a question it answers
 * no other one.
 */
export function userEvent(text: string, eventType?: string, questionId?: string): NewEvent {
  const click = text.startsWith(CALLBACK);
  const type = eventType ?? (click ? CLICK : 'comm.user_message');
  return newEvent(type, {
    role: 'user',
    content: userContent(text),
    ...(questionId !== undefined && { question_id: questionId }),
  });
}

/**
 * The event for an answer that its client lists among the user's messages with another text, or not at
 * all (`null`): clients that answer a question by something other than a message.
 */
export function asListed({ type, data }: NewEvent, listedAs: string | null): NewEvent {
  return newEvent(type, { ...data, [LISTED_AS]: listedAs });
}

/** The text by which clients list what the user said; `undefined` when they do not. */
export function listedText({ data }: NewEvent): string | undefined {
  const listedAs = data[LISTED_AS];
  if (listedAs === null) return undefined;
  return String(typeof listedAs === 'string' ? listedAs : data['content']);
}

/** What the user says, as the log has it: without `btn:`. */
export function userContent(text: string): string {
  return text.startsWith(CALLBACK) ? text.slice(CALLBACK.length) : text;
}

/**
 * The content of a message in protocols where it is a string or a list of parts. Anything is taken, as
 * clients send parts of many kinds, but no more than {@link MAX_PARTS} of them.
 */
export const messageContent: v.GenericSchema<unknown, unknown> = v.pipe(
  v.unknown(),
  v.metadata({ type: ['string', 'array', 'null'], items: {}, maxItems: MAX_PARTS }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    if (!Array.isArray(value) || value.length <= MAX_PARTS) return value;
    addIssue({ expected: 'too_long', message: tooManyItems('List', MAX_PARTS, value.length) });
    return NEVER;
  }),
);

export interface Button {
  readonly text: string;
  readonly id: string;
}

/** The text of a message by the assistant, buttons or not; `undefined` for any other event. */
export function assistantText({ type, data }: NewEvent): string | undefined {
  if (!type.startsWith('comm.') || data['role'] !== 'assistant') return undefined;
  return typeof data['content'] === 'string' ? data['content'] : undefined;
}

/** The question that a message of the assistant asks; `undefined` for any other event. */
export function questionIdOf({ type, data }: NewEvent): string | undefined {
  const { role, question_id: id } = data;
  if (!type.startsWith('comm.') || role !== 'assistant') return undefined;
  return typeof id === 'string' ? id : undefined;
}

/** What the user said, or the button that they clicked; `undefined` for any other event. */
export function userText({ type, data }: NewEvent): string | undefined {
  if (!type.startsWith('comm.') || data['role'] !== 'user') return undefined;
  return typeof data['content'] === 'string' ? data['content'] : undefined;
}

/** The same as protocols that have text only write it: a click is `btn:<id>`. */
export function writtenText(event: NewEvent): string | undefined {
  const text = userText(event);
  return text !== undefined && event.type === CLICK ? CALLBACK + text : text;
}

/** The buttons under a message: a list of them, or rows of lists. */
export function buttonsOf({ type, data }: NewEvent): Button[] {
  const { role, buttons } = data;
  if (!type.startsWith('comm.') || role === 'user') return [];
  return Array.isArray(buttons) ? buttons.flat().flatMap(toButton) : [];
}

function toButton(value: unknown): Button[] {
  if (typeof value !== 'object' || value === null) return [];
  const { text, id, callback_data }: Record<string, unknown> = { ...value };
  if (typeof text !== 'string') return [];
  const name = [id, callback_data].find((each) => typeof each === 'string');
  return [{ text, id: name ?? text }];
}
