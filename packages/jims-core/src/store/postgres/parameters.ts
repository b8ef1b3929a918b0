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

/** From here on a list is sent in the binary form. */
const LARGE_CHARS = 256 * 1024;
const REST_CHARS = 2 * 1024 * 1024;
/** Of the type `json`, in every version. */
const JSON_OID = 114;
const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/;

/**
 * A value as JSON text.
 *
 * @throws JimsError `invalid_event` for a text with NUL, which PostgreSQL cannot give back.
 */
export function toJson(value: unknown): string {
  const text = toJsonIfKept(value);
  if (text === undefined) throw nulError();
  return text;
}

/** As `toJson`; `undefined` for a text that PostgreSQL cannot give back as JSON. */
export function toJsonIfKept(value: unknown): string | undefined {
  const text = JSON.stringify(value);
  return hasNulEscape(text) ? undefined : text;
}

/**
 * Texts as a `json[]`. The driver takes seconds to put a large list into the syntax of an array, and
 * several times its memory: such a list is sent in the binary form. While one is made the process does
 * other work.
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
function listOf(texts: readonly string[]): Parameter {
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

function hasNulEscape(text: string): boolean {
  // The cheap look first: hardly any text has one.
  return text.includes('\\u0000') && NUL_ESCAPE.test(text);
}

export function refuseNul(parameters: readonly Parameter[]): void {
  if (parameters.some((value) => hasNul(value))) throw nulError();
}

/** Events as the three lists that our functions take. */
export function eventLists(events: readonly NewEvent[]): {
  ids: readonly string[];
  types: readonly string[];
  data: Parameter;
} {
  return {
    ids: events.map((event) => event.id),
    types: events.map((event) => event.type),
    data: listOf([...textsOf(events)]),
  };
}

/** What events hold, one after the other. */
export function* textsOf(events: readonly NewEvent[]): Generator<string> {
  for (const { data } of events) yield toJson(data);
}

function hasNul(value: Parameter): boolean {
  if (typeof value === 'string') return value.includes('\0');
  return Array.isArray(value) && value.some((each) => hasNul(each));
}

function nulError(): JimsError {
  return new JimsError('invalid_event', 'PostgreSQL cannot keep a text with the character NUL');
}
