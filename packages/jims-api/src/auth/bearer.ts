import { isUtf8 } from 'node:buffer';

const BEARER = /^bearer (?! )(.+)$/i;

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
