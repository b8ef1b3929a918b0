// Answers that may be large, written as they are read.
import { setImmediate } from 'node:timers/promises';

import { isLarge, jsonPieces, jsonText } from './json-pieces.ts';
import { json } from './route.ts';
import type { Call } from './route.ts';

/** What is written at once: other requests have their turn in between. */
const CHUNK_CHARS = 64 * 1024;

/** A JSON answer, made piece by piece when it is large. */
export function largeJson(call: Pick<Call, 'headers'>, value: object): Response {
  const text = jsonText(value);
  return typeof text === 'string' ? answer(call, text) : streamedJson(call, text);
}

/** As `json`, for what is hardly ever large: only more than a megabyte is made piece by piece. */
export function runJson(call: Pick<Call, 'headers'>, value: object, status = 200): Response {
  return isLarge(value) ? streamedJson(call, jsonPieces(value), status) : json(call, value, status);
}

/** A JSON answer that comes in pieces; of these no more is taken than the client reads. */
export function streamedJson(
  call: Pick<Call, 'headers'>,
  pieces: Iterable<string> | AsyncIterable<string>,
  status = 200,
): Response {
  const body = ReadableStream.from(chunks(pieces)).pipeThrough(new TextEncoderStream());
  return answer(call, body, status);
}

function answer(
  { headers }: Pick<Call, 'headers'>,
  body: string | ReadableStream,
  status = 200,
): Response {
  return new Response(body, {
    status,
    headers: { ...headers, 'content-type': 'application/json' },
  });
}

async function* chunks(pieces: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = '';
  for await (const piece of pieces) {
    chunk += piece;
    if (chunk.length < CHUNK_CHARS) continue;
    yield chunk;
    chunk = '';
    await setImmediate();
  }
  if (chunk !== '') yield chunk;
}
