import { TextDecoder } from 'node:util';

import { HttpError } from './errors.ts';
import { parseJson } from './parse-json.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** How many arrays and objects may stand inside each other. */
  readonly maxDepth: number;
}

const JSON_TYPE = /^\s*application\/(?:[^/;]*\+)?json\s*(?:;|$)/i;

/**
 * Reads the body of a request: `undefined` when there is none, a JSON value when its content type says
 * JSON, else its whole text as one string, which no schema for objects will take.
 *
 * @throws HttpError 413 when it is too large, 400 when it is not UTF-8 or breaks off, 422 when it is
 * not JSON.
 */
export async function readJsonBody(request: Request, limits: BodyLimits): Promise<unknown> {
  const text = await readText(request, limits.maxBytes);
  if (text === undefined) return undefined;
  const contentType = request.headers.get('content-type') ?? '';
  return isJsonType(contentType) ? parseJson(text, limits.maxDepth) : text;
}

/** Whether a content type says JSON. */
export function isJsonType(contentType: string): boolean {
  return contentType === 'application/json' || JSON_TYPE.test(contentType);
}

async function readText(request: Request, maxBytes: number): Promise<string | undefined> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  try {
    return Number.isNaN(declared)
      ? await readStream(request.body, maxBytes)
      : await readWhole(request, maxBytes);
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw new HttpError(400, 'There was an error parsing the body', { cause });
  }
}

/** The quick way, for a body whose length is known. */
async function readWhole(request: Request, maxBytes: number): Promise<string | undefined> {
  const bytes = await request.arrayBuffer();
  // Not every host holds a client to the length that he declared.
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  return bytes.byteLength === 0 ? undefined : utf8().decode(bytes);
}

/** Stops reading as soon as there is too much. */
async function readStream(body: Request['body'], maxBytes: number): Promise<string | undefined> {
  if (!body) return undefined;
  const decoder = utf8();
  let size = 0;
  let text = '';
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    text += decoder.decode(chunk, { stream: true });
  }
  text += decoder.decode();
  return size === 0 ? undefined : text;
}

/** Throws a TypeError at bytes that are no UTF-8, and leaves out a byte order mark, as the original did. */
function utf8(): TextDecoder {
  return new TextDecoder('utf-8', { fatal: true });
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `The request body is larger than ${maxBytes} bytes`, {
    code: 'body_too_large',
  });
}
