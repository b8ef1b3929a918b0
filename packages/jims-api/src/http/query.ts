// Parameters of the query and the path, refused in FastAPI's words.
import type { EventPosition } from 'jims-core';

import { fromCursor } from './cursor.ts';
import { validationError } from './errors.ts';
import type { HttpError } from './errors.ts';
import { excerpt } from './fastapi/excerpt.ts';
import { canonicalUuid, uuidFault } from './fastapi/uuid.ts';
import type { Call } from './route.ts';

/** @throws HttpError 422 when it is not an integer between `min` and `max`. */
export function integerIn(
  { query }: Call,
  name: string,
  {
    min,
    max,
    byDefault,
  }: { readonly min: number; readonly max: number; readonly byDefault: number },
): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const msg = `Input should be an integer from ${min} to ${max}`;
  throw queryFault(name, 'int_parsing', msg, text);
}

/** @throws HttpError 422 when it is not a cursor of an earlier answer. */
export function cursorIn({ query }: Call): EventPosition | undefined {
  const text = query.get('cursor');
  if (text === null) return undefined;
  const position = fromCursor(text);
  if (position) return position;
  const msg = 'Value error, this is not a cursor of an earlier answer';
  throw queryFault('cursor', 'value_error', msg, text);
}

/** The words of a parameter: separated by commas, or given several times. */
export function wordsIn<TWord extends string>(
  { query }: Call,
  name: string,
  known: readonly TWord[],
): ReadonlySet<TWord> | undefined {
  const given = query.getAll(name).flatMap((text) => text.split(','));
  if (given.length === 0) return undefined;
  const words = given.filter((word) => word !== '');
  return new Set(words.map((word) => knownWord(name, word, known)));
}

/** The only word of a parameter. */
export function wordIn<TWord extends string>(
  { query }: Call,
  name: string,
  known: readonly TWord[],
): TWord | undefined {
  const word = query.get(name);
  return word === null ? undefined : knownWord(name, word, known);
}

function knownWord<TWord extends string>(
  name: string,
  word: string,
  known: readonly TWord[],
): TWord {
  const found = known.find((each) => each === word);
  if (found !== undefined) return found;
  throw queryFault(name, 'literal_error', `Input should be one of ${known.join(', ')}`, word);
}

/** @throws HttpError 422 when the parameter of the query is not a UUID. */
export function uuidInQuery({ query }: Call, name: string): string | undefined {
  const text = query.get(name);
  return text === null ? undefined : uuidFrom(text, ['query', name]);
}

/** @throws HttpError 422 when the parameter of the path is not a UUID. */
export function uuidInPath({ params }: Call, name: string): string {
  return uuidFrom(params[name] ?? '', ['path', name]);
}

function uuidFrom(text: string, loc: readonly string[]): string {
  const canonical = canonicalUuid(text);
  if (canonical !== undefined) return canonical;
  const msg = `Input should be a valid UUID, ${uuidFault(text)}`;
  throw validationError([{ type: 'uuid_parsing', loc, msg, input: excerpt(text) }]);
}

/** The answer to a parameter of the query that is wrong. */
export function queryFault(name: string, type: string, msg: string, input: unknown): HttpError {
  return validationError([{ type, loc: ['query', name], msg, input: excerpt(input) }]);
}
