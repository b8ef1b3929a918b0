import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { TextDecoder } from 'node:util';

import { inBlocks } from './body-blocks.ts';
import { decompressionOf, encodingOf, notCompressed } from './content-encoding.ts';
import type { Decompress } from './content-encoding.ts';
import { HttpError } from './errors.ts';
import type { JsonBounds } from './fastapi/json-scanner.ts';
import { JSON_BOUNDS, parseJson } from './fastapi/parse-json.ts';

export interface BodyLimits {
  /** Of the body, also when it is decompressed. */
  readonly maxBytes: number;
  /** Default {@link JSON_BOUNDS}. */
  readonly json?: JsonBounds;
  /** Whether text that does not say that it is JSON is read as JSON, too; default false. */
  readonly anyText?: boolean;
}

/** What a client sends for a string, when it says nothing. */
const TEXT_TYPE = /^\s*text\/plain\s*(?:;|$)/i;
const JSON_TYPE = /^\s*application\/(?:[^/;]*\+)?json\s*(?:;|$)/i;
/** The original's message for a body that breaks off, or is not UTF-8. */
export const UNREADABLE_BODY = 'There was an error parsing the body';
/** For a body of at least so many characters, other requests get a turn between the steps. */
const LONG_TEXT = 256 * 1024;

/**
 * Reads the body of a request: `undefined` when it is empty, a JSON value when its content type says
 * JSON, else the whole body as one string, which no schema of an object accepts.
 *
 * @throws HttpError 413 when it is too large, 400 when it is not UTF-8 or breaks off, 415 when it is
 * compressed in an unknown way, 422 when it is not JSON.
 */
export async function readJsonBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const text = await readText(request, limits.maxBytes);
  if (text === undefined) return undefined;
  const type = request.headers.get('content-type') ?? '';
  if (!isJsonType(type) && !(limits.anyText && TEXT_TYPE.test(type))) return text;
  if (text.length < LONG_TEXT) return parseJson(text, limits.json ?? JSON_BOUNDS);
  await setImmediate();
  const value = parseJson(text, limits.json ?? JSON_BOUNDS);
  await setImmediate();
  return value;
}

/** Whether a content type says JSON. */
export function isJsonType(contentType: string): boolean {
  return contentType === 'application/json' || JSON_TYPE.test(contentType);
}

async function readText(request: Request, maxBytes: number): Promise<string | undefined> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const { headers } = request;
  const decompress = decompressionOf(headers);
  try {
    const bytes = Number.isNaN(declared)
      ? await readStream(request.body, maxBytes)
      : await readWhole(request, maxBytes);
    if (bytes.byteLength === 0) return undefined;
    const plain = decompress ? await decompressed(bytes, headers, { decompress, maxBytes }) : bytes;
    return plain.byteLength === 0 ? undefined : utf8.decode(plain);
  } catch (cause) {
    throw refusalOf(cause, maxBytes);
  }
}

/** The original takes no notice of the header: only to what is not text has it an answer, which stays. */
async function decompressed(
  bytes: Uint8Array,
  headers: Headers,
  { decompress, maxBytes }: { readonly decompress: Decompress; readonly maxBytes: number },
): Promise<Uint8Array> {
  try {
    return await decompress(bytes, maxBytes);
  } catch (cause) {
    if (cause instanceof RangeError || !isUtf8(bytes)) throw cause;
    throw notCompressed(encodingOf(headers), cause);
  }
}

/** The quick way, for a body whose length is known. */
async function readWhole(request: Request, maxBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  // Not every host holds a client to the length that it declared.
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

async function readStream(body: Request['body'], maxBytes: number): Promise<Uint8Array> {
  return Buffer.concat(body ? await Array.fromAsync(inBlocks(within(body, maxBytes))) : []);
}

/** Stops reading as soon as there is too much. */
async function* within(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  for await (const piece of body) {
    size += piece.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
}

/** Throws a TypeError at bytes that are not UTF-8, and leaves out a byte order mark, as the original did. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

function refusalOf(cause: unknown, maxBytes: number): HttpError {
  if (cause instanceof HttpError) return cause;
  // The decompression throws it at its limit.
  if (cause instanceof RangeError) return tooLarge(maxBytes);
  if (isReadAlready(cause)) {
    const reason =
      'The body of this request was read before the API got it: mount the API before what reads bodies, such as express.json()';
    return new HttpError(500, reason, { code: 'body_read_already', cause });
  }
  return new HttpError(400, UNREADABLE_BODY, { cause });
}

/** Hosts say so by the message alone. */
function isReadAlready(cause: unknown): boolean {
  return cause instanceof TypeError && /unusable|already|locked|disturbed/i.test(cause.message);
}

/** The error for a body that is larger than it may be. */
export function tooLarge(maxBytes: number): HttpError {
  const reason = `The request body is larger than ${maxBytes} bytes: if it has files, send them to /api/v1/files before, and name them`;
  return new HttpError(413, reason, { code: 'body_too_large' });
}
