// Answers that may be large, written as they are read.
import { setImmediate } from 'node:timers/promises';

import { jsonText } from './json-pieces.ts';
import type { Call } from './route.ts';

/** What is written at once: other requests have their turn in between. */
const CHUNK_CHARS = 64 * 1024;

/** A JSON answer, made piece by piece when it is large. */
export function largeJson(call: Pick<Call, 'headers'>, value: object): Response {
  const text = jsonText(value);
  return typeof text === 'string' ? answer(call, text) : streamedJson(call, text);
}

/** A JSON answer that comes in pieces; of these no more is taken than the client reads. */
export function streamedJson(
  call: Pick<Call, 'headers'>,
  pieces: Iterable<string> | AsyncIterable<string>,
): Response {
  return answer(call, ReadableStream.from(chunks(pieces)).pipeThrough(new TextEncoderStream()));
}

function answer({ headers }: Pick<Call, 'headers'>, body: string | ReadableStream): Response {
  return new Response(body, { headers: { ...headers, 'content-type': 'application/json' } });
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
