// Answers in JSON; those that may be large are written as they are read.
import { setImmediate } from 'node:timers/promises';

import { cleanJson } from 'jims-core/host';

import { isLarge, jsonPieces, jsonText } from './fastapi/json-pieces.ts';
import type { Call } from './route.ts';

/** Characters of a chunk; between chunks other requests get a turn. */
const CHUNK_CHARS = 64 * 1024;

/** A JSON answer; a protocol may have a media type of its own for its JSON. */
export function json(
  call: Pick<Call, 'headers'>,
  value: unknown,
  status = 200,
  contentType = 'application/json',
): Response {
  const headers = { ...call.headers, 'content-type': contentType };
  return new Response(cleanJson(value), { status, headers });
}

/** A JSON answer, made piece by piece when it is large; then `end` is called. */
export function largeJson(call: Answered, value: object, end: () => void): Response {
  const text = jsonText(value);
  if (typeof text !== 'string') return streamedJson(call, text, end);
  end();
  return answer(call, text);
}

/** As {@link json}, for an answer that is rarely large: above a megabyte it is made piece by piece. */
export function jsonOrPieces(call: Pick<Call, 'headers'>, value: object, status = 200): Response {
  if (!isLarge(value)) return json(call, value, status);
  return answer(
    call,
    streamOf(jsonPieces(value), () => {}),
    status,
  );
}

/**
 * A JSON answer that comes in pieces, which are made as fast as the client reads. `end` is called after the
 * last piece, or when the client leaves; not when it left before the first piece.
 */
export function streamedJson(
  call: Answered,
  pieces: Iterable<string> | AsyncIterable<string>,
  end: () => void,
): Response {
  // The body of an answer to HEAD is never read.
  if (call.request.method === 'HEAD') end();
  return answer(call, streamOf(unlessBroken(call, pieces), end));
}

type Answered = Pick<Call, 'headers' | 'request' | 'brokeOff'>;

/** Ends where the pieces fail, if the client cannot take that for the end. */
export async function* unlessBroken(
  { brokeOff }: Pick<Call, 'brokeOff'>,
  pieces: Iterable<string> | AsyncIterable<string>,
): AsyncGenerator<string> {
  try {
    yield* pieces;
  } catch (error) {
    if (!brokeOff(error)) throw error;
  }
}

function streamOf(
  pieces: Iterable<string> | AsyncIterable<string>,
  end: () => void,
): ReadableStream {
  return ReadableStream.from(chunks(pieces, end)).pipeThrough(new TextEncoderStream());
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

async function* chunks(
  pieces: Iterable<string> | AsyncIterable<string>,
  end: () => void,
): AsyncGenerator<string> {
  let chunk = '';
  try {
    for await (const piece of pieces) {
      chunk += piece;
      if (chunk.length < CHUNK_CHARS) continue;
      yield chunk;
      chunk = '';
      await setImmediate();
    }
    if (chunk !== '') yield chunk;
  } finally {
    end();
  }
}
