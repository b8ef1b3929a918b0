import type { JsonObject } from 'jims-core';

import { HttpError } from '../http/errors.ts';
import { isJsonObject } from '../http/json-object.ts';

/**
 * Reads the answer of an identity server. Rejects with an Error for an answer longer than `maxBytes` and for
 * one that is not a JSON object.
 */
export async function readJsonObject(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<JsonObject> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new Error('its answer is too long');
    chunks.push(chunk);
  }
  const answer = parseJson(Buffer.concat(chunks).toString());
  if (!isJsonObject(answer)) throw new Error('its answer is not a JSON object');
  return answer;
}

/** Gives `undefined` for broken JSON: the parser's own message would quote what a stranger sent. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The answer to a caller when the server that knows the token cannot be asked: nobody gets in. */
export function authUnavailable(cause: unknown): HttpError {
  return new HttpError(503, 'Authentication is unavailable', {
    code: 'auth_unavailable',
    headers: { 'retry-after': '1' },
    cause,
  });
}
