import { JimsError } from '../errors/jims-error.ts';
import { cleanJson, cleanText } from '../text/clean-text.ts';
import { newId } from './new-id.ts';

/** A JSON object, such as the data of an event or the config of a thread. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Something that happened in a thread. It never changes, and is removed only with its thread. */
export interface ThreadEvent {
  readonly id: string;
  readonly threadId: string;
  /** UTC with microseconds: `2026-11-24T01:02:03.000004Z`. A string, as a `Date` has only milliseconds. */
  readonly createdAt: string;
  /** `<domain>.<name>`, at most 255 characters. */
  readonly type: string;
  readonly data: JsonObject;
}

/** An event that is not in the log yet. The store sets its time. */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
}

/** The data of a `comm.*` event: a message of the conversation. */
export interface CommunicationEvent {
  readonly role: string;
  readonly content: string;
  readonly [member: string]: unknown;
}

export const THREAD_CREATED = 'jims.lifecycle.thread_created';
/** Begins the run of a greeting, which no message begins. */
export const CONVERSATION_STARTED = 'jims.conversation_started';
export const USER_MESSAGE = 'comm.user_message';
export const ASSISTANT_MESSAGE = 'comm.assistant_message';
export const ASSISTANT_MESSAGE_WITH_BUTTONS = 'comm.assistant_message_with_buttons';
export const STATE_PREFIX = 'state.set.';

const MAX_TYPE_LENGTH = 255;

/**
 * The part of an event type before its first dot: `comm`, `context`, `state`, `jims` or the app's own.
 *
 * @example eventDomain('comm.user_message'); // 'comm'
 */
export function eventDomain(type: string): string {
  const dot = type.indexOf('.');
  return dot < 0 ? type : type.slice(0, dot);
}

/**
 * The part of an event type after its first dot; empty when there is no dot.
 *
 * @example eventName('comm.user_message'); // 'user_message'
 */
export function eventName(type: string): string {
  const dot = type.indexOf('.');
  return dot < 0 ? '' : type.slice(dot + 1);
}

/**
 * Whether an event is internal: no API ever sends `state.*`, `context.*` and `jims.*`.
 *
 * @example isInternalEvent('state.set.cart'); // true
 */
export function isInternalEvent(type: string): boolean {
  const domain = eventDomain(type);
  return domain === 'state' || domain === 'context' || domain === 'jims';
}

/** Whether the data of an event has the role and content that a message of the history needs. */
export function isCommunication(data: JsonObject): data is CommunicationEvent {
  return typeof data['role'] === 'string' && typeof data['content'] === 'string';
}

/**
 * Makes an event. Its data is a copy: later changes of the object do not reach the log. Half characters
 * and NULs, which not every client and database takes, become U+FFFD.
 *
 * @param type `<domain>.<name>`, 1 to 255 characters.
 * @param data An object that JSON can hold.
 * @param id A UUID; default: a new one.
 * @throws JimsError `invalid_event` for a type or data that a thread cannot keep.
 * @example newEvent('comm.user_message', { role: 'user', content: 'Hello!' });
 */
export function newEvent(type: string, data: object, id: string = newId()): NewEvent {
  if (typeof type !== 'string' || type === '' || type.length > MAX_TYPE_LENGTH) {
    throw new JimsError(
      'invalid_event',
      `Event type must be a string of 1 to ${MAX_TYPE_LENGTH} characters such as 'rag.answer'`,
    );
  }
  return { id, type: cleanText(type), data: jsonObject(type, data) };
}

function jsonObject(type: string, data: object): JsonObject {
  let copy: unknown;
  try {
    copy = JSON.parse(cleanJson(data));
  } catch (cause) {
    throw new JimsError('invalid_event', `Data of event '${type}' cannot be written as JSON`, {
      cause,
    });
  }
  if (!isJsonObject(copy)) {
    throw new JimsError('invalid_event', `Data of event '${type}' must be an object`);
  }
  return copy;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
