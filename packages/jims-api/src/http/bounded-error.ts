import { HttpError } from './errors.ts';
import type { ValidationIssue } from './errors.ts';

/**
 * The most bytes that an error's text may take as JSON, in any encoding. So an answer stays below 16 KiB:
 * a request that costs its client little must not cost the service much.
 */
const MAX_BYTES = 12 * 1024;
/** Of a character that is written as `\uXXXX`. */
const ESCAPED_BYTES = 6;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CUT = '…';

/** Cuts or leaves out what an error quotes of the request, where it would be too long. */
export function boundedError(error: HttpError): HttpError {
  const { status, detail } = error;
  const bounded = typeof detail === 'string' ? cutToBytes(detail, MAX_BYTES) : fitting(detail);
  return bounded === detail ? error : new HttpError(status, bounded, error);
}

/** The beginning of text that takes at most so many bytes as JSON. */
function cutToBytes(text: string, maxBytes: number): string {
  if (text.length * ESCAPED_BYTES <= maxBytes) return text;
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    bytes += bytesOf(text.charCodeAt(at));
    if (bytes > maxBytes) return text.slice(0, at).toWellFormed() + CUT;
  }
  return text;
}

/** The issues that there is room for: the first ones whole, the others without their input. */
function fitting(issues: readonly ValidationIssue[]): readonly ValidationIssue[] {
  let left = MAX_BYTES;
  let isWhole = true;
  const taken: ValidationIssue[] = [];
  for (const issue of issues) {
    const short = { ...issue, input: CUT };
    const fits = bytesOfJson(issue) <= left;
    const next = fits ? issue : short;
    left -= bytesOfJson(next);
    if (left < 0) return taken;
    taken.push(next);
    isWhole &&= fits;
  }
  return isWhole ? issues : taken;
}

function bytesOfJson(value: object): number {
  const text = JSON.stringify(value);
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) bytes += bytesOf(text.charCodeAt(at));
  return bytes;
}

/** At most, in any encoding. */
function bytesOf(unit: number): number {
  if (unit === QUOTE || unit === BACKSLASH) return 2;
  return unit >= 0x20 && unit < 0x7f ? 1 : ESCAPED_BYTES;
}
