import { cleanJson } from 'jims-core/host';

import { isHighSurrogate } from './json-characters.ts';
import { pythonJson } from './python-json.ts';

/** Text, or pieces of it, which are made when they are taken, again for each iteration. */
export type Text = string | Iterable<string>;

/** Text up to this length is made at once. */
const PIECE_CHARS = 16 * 1024;
/** Longer text takes some milliseconds. */
const LARGE_CHARS = 1024 * 1024;

interface Style {
  readonly encode: (value: unknown) => string;
  readonly comma: string;
  readonly colon: string;
}

const COMPACT: Style = { encode: oneLine, comma: ',', colon: ':' };
const PYTHON: Style = { encode: pythonJson, comma: ', ', colon: ': ' };

/**
 * As `JSON.stringify`, but surely in one line: some clients end a line at U+0085, U+2028 and U+2029,
 * too. Half characters and NULs become U+FFFD. A large value comes in pieces: what is not taken yet is
 * not in memory twice.
 */
export function jsonText(value: object): Text {
  return textIn(COMPACT, value);
}

/** As {@link jsonText}, always as pieces. */
export function jsonPieces(value: object): Iterable<string> {
  const text = jsonText(value);
  return typeof text === 'string' ? [text] : text;
}

/** As `pythonJson`, with the pieces of {@link jsonText}. */
export function pythonJsonText(value: object): Text {
  return textIn(PYTHON, value);
}

/** Stands for a string in the value of a template. Nobody else knows it, so no other string is equal. */
export const SLOT: string = crypto.randomUUID();

/** Gives the JSON of a value with these strings in its slots, in the order in which they are written. */
export type JsonTemplate = (...strings: readonly string[]) => string;

/**
 * Writes values that differ only in some short strings, as {@link jsonText} does. All else is written
 * once: a stream has such a value for every piece of text.
 *
 * @example
 * const delta = jsonTemplate({ id: SLOT, text: SLOT });
 * delta('m1', 'Hello'); // '{"id":"m1","text":"Hello"}'
 */
export function jsonTemplate(value: object): JsonTemplate {
  return templateOf(COMPACT.encode(value));
}

/** As {@link jsonTemplate}, in the form of `pythonJson`. */
export function pythonJsonTemplate(value: object): JsonTemplate {
  return templateIn(PYTHON, PYTHON.encode(value));
}

/** As {@link jsonTemplate}, of JSON that is written already. */
export function templateOf(json: string): JsonTemplate {
  return templateIn(COMPACT, json);
}

function templateIn({ encode }: Style, json: string): JsonTemplate {
  const [first = '', ...others] = json.split(encode(SLOT));
  return (...strings) => {
    let text = first;
    for (let index = 0; index < others.length; index++) {
      text += encode(strings[index]) + others[index];
    }
    return text;
  };
}

function oneLine(value: unknown): string {
  return cleanJson(value).replaceAll(/[\u0085\u2028\u2029]/g, escaped);
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function textIn(style: Style, value: object): Text {
  if (isSmall(value)) return style.encode(value);
  return { [Symbol.iterator]: () => pieces(style, value) };
}

function* pieces(style: Style, value: unknown): Generator<string> {
  if (isSmall(value)) yield style.encode(value);
  else if (typeof value === 'string') yield* piecesOfString(style, value);
  else if (Array.isArray(value)) yield* piecesOfArray(style, value);
  else if (isRecord(value)) yield* piecesOfRecord(style, value);
}

function* piecesOfString(style: Style, text: string): Generator<string> {
  yield '"';
  for (let from = 0; from < text.length;) {
    let until = from + PIECE_CHARS;
    // The two halves of a character stay together: alone they are written as something else.
    if (isHighSurrogate(text.charCodeAt(until - 1))) until++;
    yield style.encode(text.slice(from, until)).slice(1, -1);
    from = until;
  }
  yield '"';
}

function* piecesOfArray(style: Style, values: readonly unknown[]): Generator<string> {
  let before = '[';
  for (const value of values) {
    yield before;
    if (isWritten(value)) yield* pieces(style, value);
    else yield 'null';
    before = style.comma;
  }
  yield ']';
}

function* piecesOfRecord(style: Style, record: Record<string, unknown>): Generator<string> {
  let before = '{';
  for (const [name, value] of Object.entries(record)) {
    if (!isWritten(value)) continue;
    yield before + style.encode(name) + style.colon;
    yield* pieces(style, value);
    before = style.comma;
  }
  yield before === '{' ? '{}' : '}';
}

/** What JSON cannot hold is left out of objects, and is `null` in arrays. */
function isWritten(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}

/** Whether it takes long to write at once. */
export function isLarge(value: object): boolean {
  return charsLeft(value, LARGE_CHARS) < 0;
}

function isSmall(value: unknown): boolean {
  return charsLeft(value, PIECE_CHARS) >= 0;
}

/** How many of these characters a value leaves; looks at no more of the value than that. */
function charsLeft(value: unknown, chars: number): number {
  if (typeof value === 'string') return chars - value.length;
  if (chars < 0 || !isRecord(value)) return chars - 1;
  return Array.isArray(value) ? charsLeftOfItems(value, chars) : charsLeftOfMembers(value, chars);
}

// Every frame of a stream comes here: `for in` would be several times as slow.
function charsLeftOfItems(items: readonly unknown[], chars: number): number {
  let left = chars - 2;
  for (const item of items) {
    left = charsLeft(item, left - 1);
    if (left < 0) break;
  }
  return left;
}

function charsLeftOfMembers(record: Record<string, unknown>, chars: number): number {
  let left = chars - 2;
  for (const name of Object.keys(record)) {
    left = charsLeft(record[name], left - name.length);
    if (left < 0) break;
  }
  return left;
}

/** An object that is written as its members; one that writes itself counts as one value. */
function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !('toJSON' in value);
}
