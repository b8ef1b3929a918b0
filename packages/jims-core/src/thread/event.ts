import { JimsError } from '../errors/jims-error.ts';
import { cleanJson, cleanText } from '../util/clean-text.ts';
import { newId } from '../util/new-id.ts';

/** A JSON object: what an event carries and what a thread's config is. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Something that happened in a thread. Never changed, never removed but with its thread. */
export interface ThreadEvent {
  readonly id: string;
  readonly threadId: string;
  /** UTC with microseconds, `2026-11-24T01:02:03.000004Z`: a text, as a `Date` would drop the last three digits. */
  readonly createdAt: string;
  /** `<domain>.<name>`, at most 255 characters. */
  readonly type: string;
  readonly data: JsonObject;
}

/** An event that is not in the log yet. The store gives it its time. */
export interface NewEvent {
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
}

/** The payload of a `comm.*` event: what user and assistant said to each other. */
export interface CommunicationEvent {
  readonly role: string;
  readonly content: string;
  readonly [member: string]: unknown;
}

export const THREAD_CREATED = 'jims.lifecycle.thread_created';
export const USER_MESSAGE = 'comm.user_message';
export const ASSISTANT_MESSAGE = 'comm.assistant_message';
export const ASSISTANT_MESSAGE_WITH_BUTTONS = 'comm.assistant_message_with_buttons';
export const STATE_PREFIX = 'state.set.';

const MAX_TYPE_LENGTH = 255;

/** The part of an event type before its first dot: `comm`, `context`, `state`, `jims` or the app's own. */
export function eventDomain(type: string): string {
  const dot = type.indexOf('.');
  return dot < 0 ? type : type.slice(0, dot);
}

/** The part of an event type after its first dot, empty when there is none. */
export function eventName(type: string): string {
  const dot = type.indexOf('.');
  return dot < 0 ? '' : type.slice(dot + 1);
}

/** True for what stays inside: `state.*`, `context.*` and `jims.*` never leave by an API. */
export function isInternalEvent(type: string): boolean {
  const domain = eventDomain(type);
  return domain === 'state' || domain === 'context' || domain === 'jims';
}

/** True for a payload that can be part of a history; a row without role and content cannot. */
export function isCommunication(data: JsonObject): data is CommunicationEvent {
  return typeof data['role'] === 'string' && typeof data['content'] === 'string';
}

/**
 * Makes an event from what an app sends. The data is taken as it is now, as JSON: what is changed in
 * the object afterwards does not reach the log, and what JSON cannot hold fails here, in the app's
 * own line, and not later in the store. Half characters and NULs, which not every client and database
 * can take, become U+FFFD.
 *
 * @throws JimsError `invalid_event` when the type or the data is not what a thread can keep.
 */
export function newEvent(type: string, data: object, id: string = newId()): NewEvent {
  if (typeof type !== 'string' || type === '' || type.length > MAX_TYPE_LENGTH) {
    throw new JimsError(
      'invalid_event',
      `Event type must be a text of 1 to ${MAX_TYPE_LENGTH} characters such as 'rag.answer'`,
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

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
