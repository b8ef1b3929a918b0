import { validationError } from './errors.ts';
import type { HttpError } from './errors.ts';
import { findJsonFault } from './json-scanner.ts';

/**
 * What JSON.parse takes and we may have to refuse: escaped NULs and surrogates, integers that may be
 * rounded, numbers that may overflow. A hit is only a reason to look closer.
 */
const SUSPICIOUS = /\\u(?:0000|[dD][89a-fA-F])|\d{16}|\d[eE]\+?\d{3}/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/**
 * JSON.parse for a request body. What it returns can be stored and sent again without loss: no NUL, no
 * lone surrogate, no number that JavaScript would change, no object deeper than `maxDepth`.
 *
 * @throws HttpError 422 `json_invalid` with CPython's reason and position.
 */
export function parseJson(text: string, maxDepth: number): unknown {
  if (!SUSPICIOUS.test(text) && !nestsDeeper(text, maxDepth)) {
    try {
      return JSON.parse(text);
    } catch {
      // The scanner knows what and where.
    }
  }
  const fault = findJsonFault(text, maxDepth);
  if (fault) throw jsonInvalid(fault.message, codePoints(text.slice(0, fault.index)));
  return JSON.parse(text);
}

function jsonInvalid(error: string, position: number): HttpError {
  const msg = 'JSON decode error';
  return validationError([
    { type: 'json_invalid', loc: ['body', position], msg, input: {}, ctx: { error } },
  ]);
}

function codePoints(text: string): number {
  return text.replaceAll(/[\uD800-\uDBFF]/g, '').length;
}

/** True for JSON that is nested too deeply. For other texts as far as JSON.parse will get in them. */
function nestsDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (OPENING.has(unit)) depth += 1;
    else if (CLOSING.has(unit)) depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}
