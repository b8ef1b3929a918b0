import { validationError } from '../errors.ts';
import type { HttpError } from '../errors.ts';
import { isJsonObject } from '../json-object.ts';
import { isHighSurrogate } from './json-characters.ts';
import type { JsonFault } from './json-fault.ts';
import { findJsonFault } from './json-scanner.ts';
import type { JsonBounds } from './json-scanner.ts';

/**
 * The bounds of JSON from a client: several times what a long chat has, and no more than is parsed in a
 * moment, because nothing else happens in the process meanwhile.
 */
export const JSON_BOUNDS: JsonBounds = { maxDepth: 64, maxValues: 100_000, maxNames: 10_000 };

/**
 * Parses JSON from a client. What it returns can be stored and sent again without loss: no NUL, no lone
 * surrogate, no number that JavaScript would change, nothing beyond the bounds.
 *
 * @throws HttpError 422 `json_invalid` with CPython's reason and position.
 */
export function parseJson(text: string, bounds: JsonBounds = JSON_BOUNDS): unknown {
  const fault = findJsonFault(text, bounds);
  if (!fault) return JSON.parse(text);
  if (onlyThreadIdHasNul(text, fault, bounds)) return JSON.parse(text);
  throw jsonInvalid(fault.message, codePoints(text, fault.index));
}

/**
 * Whether the only fault is a NUL in `thread_id`: that is not a UUID, and its schema says so in the
 * original's words.
 */
function onlyThreadIdHasNul(
  text: string,
  { index, endOfNulString }: JsonFault,
  bounds: JsonBounds,
): boolean {
  if (endOfNulString === undefined) return false;
  const without = `${text.slice(0, index)}""${text.slice(endOfNulString)}`;
  if (findJsonFault(without, bounds)) return false;
  const [given, rest]: unknown[] = [JSON.parse(text), JSON.parse(without)];
  return isJsonObject(given) && isJsonObject(rest) && given['thread_id'] !== rest['thread_id'];
}

function jsonInvalid(error: string, position: number): HttpError {
  const msg = 'JSON decode error';
  return validationError([
    { type: 'json_invalid', loc: ['body', position], msg, input: {}, ctx: { error } },
  ]);
}

/** How many characters there are before a UTF-16 unit, as Python counts them. */
function codePoints(text: string, end: number): number {
  let count = end;
  for (let at = 0; at < end; at += 1) if (isHighSurrogate(text.charCodeAt(at))) count -= 1;
  return count;
}
