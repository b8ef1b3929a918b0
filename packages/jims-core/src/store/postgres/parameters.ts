import { setImmediate } from 'node:timers/promises';

import { JimsError } from '../../errors/jims-error.ts';
import type { NewEvent } from '../../thread/event.ts';

/** What may be sent with a statement. JSON is sent as text, so that its members keep their order. */
export type Parameter =
  | string
  | number
  | boolean
  | null
  | undefined
  | Buffer
  | readonly (string | number)[];

/** From this size on a list is sent in the binary form. */
const LARGE_CHARS = 256 * 1024;
const REST_CHARS = 2 * 1024 * 1024;
/** The type `json`, in every version of PostgreSQL. */
const JSON_OID = 114;
const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether something may have these ids: what is not a UUID is the id of nothing. */
export function areUuids(...ids: readonly (string | undefined)[]): boolean {
  return ids.every((id) => id === undefined || uuidOrNull(id) !== null);
}

/** Null for text that is not a UUID: no row has such an id. */
export function uuidOrNull(text: string | undefined): string | null {
  return text !== undefined && UUID.test(text) ? text : null;
}

/**
 * A value as JSON text.
 *
 * @throws JimsError `invalid_event` for a value with NUL in it, which PostgreSQL cannot give back.
 */
export function toJson(value: unknown): string {
  const text = toJsonIfKept(value);
  if (text === undefined) throw nulError();
  return text;
}

/** As `toJson`; `undefined` for a value that PostgreSQL cannot give back as JSON. */
export function toJsonIfKept(value: unknown): string | undefined {
  const text = JSON.stringify(value);
  return hasNulEscape(text) ? undefined : text;
}

/**
 * JSON texts as a `json[]`. The driver takes seconds to put a large list into the syntax of an array, and
 * several times its memory: such a list is sent in the binary form. The process does other work meanwhile.
 */
export async function jsonList(texts: Iterable<string>): Promise<Parameter> {
  const short: string[] = [];
  const parts: Buffer[] = [];
  let chars = 0;
  let rested = 0;
  for (const text of texts) {
    chars += text.length;
    if (parts.length === 0) short.push(text);
    if (chars < LARGE_CHARS) continue;
    const late = parts.length === 0 ? short : [text];
    parts.push(...late.flatMap(binaryElement));
    if (chars - rested < REST_CHARS) continue;
    rested = chars;
    await setImmediate();
  }
  return parts.length === 0 ? short : binaryList(parts);
}

/** As `jsonList`, at once: for what a client sent, which is not as much. */
function jsonListNow(texts: readonly string[]): Parameter {
  const chars = texts.reduce((sum, { length }) => sum + length, 0);
  return chars < LARGE_CHARS ? texts : binaryList(texts.flatMap(binaryElement));
}

/** One dimension without nulls, whose elements count from 1. */
function binaryList(elements: readonly Buffer[]): Buffer {
  return Buffer.concat([int32s(1, 0, JSON_OID, elements.length / 2, 1), ...elements]);
}

function binaryElement(text: string): [length: Buffer, bytes: Buffer] {
  const bytes = Buffer.from(text);
  return [int32s(bytes.length), bytes];
}

function int32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, 4 * index);
  return bytes;
}

/** New events as the three lists that our functions take. */
export function eventLists(events: readonly NewEvent[]): {
  ids: readonly string[];
  types: readonly string[];
  data: Parameter;
} {
  return {
    ids: events.map((event) => event.id),
    types: events.map((event) => event.type),
    data: jsonListNow([...dataTexts(events)]),
  };
}

/** The data of each event as JSON text. */
export function* dataTexts(events: readonly NewEvent[]): Generator<string> {
  for (const { data } of events) yield toJson(data);
}

/** @throws JimsError `invalid_event` for a string with NUL, which PostgreSQL cannot keep. */
export function refuseNul(parameters: readonly Parameter[]): void {
  if (parameters.some((value) => hasNul(value))) throw nulError();
}

function hasNul(value: Parameter): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return Array.isArray(value) && value.some((each) => hasNul(each));
}

function hasNulEscape(text: string): boolean {
  // The cheap look first: hardly any text has one.
  return text.includes('\\u0000') && NUL_ESCAPE.test(text);
}

function nulError(): JimsError {
  return new JimsError('invalid_event', 'PostgreSQL cannot keep text with the character NUL');
}
