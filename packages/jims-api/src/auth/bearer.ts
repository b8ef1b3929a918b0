import { isUtf8 } from 'node:buffer';

const BEARER = /^bearer (?! )(.+)$/i;

/** Where Anthropic's clients send a key. */
const KEY_HEADER = 'x-api-key';

/** The token of a request: of `Authorization`, or where that is not sent, of `x-api-key`. */
export function tokenOf(headers: Headers): string | undefined {
  if (headers.has('authorization')) return bearerToken(headers);
  const key = headers.get(KEY_HEADER);
  return key === null ? undefined : bearerToken(new Headers({ authorization: `Bearer ${key}` }));
}

/**
 * The token of `Authorization: Bearer <token>`: the scheme in any letter case, exactly one space, UTF-8.
 * `undefined` for everything else, a repeated header included.
 */
export function bearerToken(headers: Headers): string | undefined {
  const token = BEARER.exec(headers.get('authorization') ?? '')?.[1];
  // Headers joins repeated values with ", ": a token that contains it may be two.
  if (token === undefined || token.includes(', ')) return undefined;
  // In a header value every character stands for one byte.
  const bytes = Buffer.from(token, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : undefined;
}
