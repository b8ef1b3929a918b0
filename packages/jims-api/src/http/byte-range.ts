import { HttpError } from './errors.ts';

export interface ByteRange {
  readonly start: number;
  /** Not included. */
  readonly end: number;
}

const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/i;

/**
 * The part of something that a request wants: one range, as RFC 9110 has it. `undefined` for all of it:
 * without the header, for several ranges, and when `If-Range` names another version.
 *
 * @throws HttpError 416 for a range that it does not have.
 */
export function byteRange(
  headers: Headers,
  { size, etag }: { readonly size: number; readonly etag: string },
): ByteRange | undefined {
  const [first, last] = rangeIn(headers);
  const version = headers.get('if-range');
  const isAsked = first + last !== '' && (version === null || version === etag);
  if (!isAsked) return undefined;
  if (first === '') return part(size, Math.max(0, size - Number(last)), size);
  // Its end is before its start: then it is not a range at all.
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return part(size, Number(first), last === '' ? size : Math.min(size, Number(last) + 1));
}

/** The digits before and after the dash. */
function rangeIn(headers: Headers): readonly [first: string, last: string] {
  const [, first = '', last = ''] =
    RANGE.exec(headers.get('range')?.replaceAll(/\s/g, '') ?? '') ?? [];
  return [first, last];
}

function part(size: number, start: number, end: number): ByteRange {
  if (start < end) return { start, end };
  throw new HttpError(416, `The file has ${size} bytes`, {
    code: 'range_not_satisfiable',
    headers: { 'content-range': `bytes */${size}` },
  });
}
