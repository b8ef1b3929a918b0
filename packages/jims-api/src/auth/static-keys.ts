import { timingSafeEqual } from 'node:crypto';

import type { Principal } from '../http/principal.ts';
import { shortDigest, tokenDigest } from './token-digest.ts';

/** What `bearerToken` can never return: padding, control characters, the mark of a repeated header. */
const UNSENDABLE = /^$|^ | $|\p{Cc}|, /u;

/**
 * Recognises the configured keys, each a service principal named by its digest.
 * Throws a TypeError for a key that no client could send, which would lock everyone out without a word.
 */
export function createStaticKeys(
  keys: readonly string[],
): (token: string) => Principal | undefined {
  for (const [index, key] of keys.entries()) requireSendable(key, index + 1);
  const known = keys.map(tokenDigest);
  return (token) => {
    const digest = tokenDigest(token);
    let recognised = false;
    for (const one of known) {
      // No early exit: the time taken must not depend on which key matched.
      if (timingSafeEqual(one, digest)) recognised = true;
    }
    return recognised ? { kind: 'service', id: shortDigest(digest) } : undefined;
  };
}

function requireSendable(key: string, position: number): void {
  if (key.isWellFormed() && !UNSENDABLE.test(key)) return;
  throw new TypeError(
    `API key number ${position} can never match: a key must not be empty, begin or end with a space, ` +
      'or hold a control character, a lone surrogate or ", "',
  );
}
