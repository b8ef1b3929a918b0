import { timingSafeEqual } from 'node:crypto';

import type { Principal } from '../http/principal.ts';
import { serviceOf, tokenDigest } from './principals.ts';

/** What `bearerToken` can never return: padding, control characters, the mark of a repeated header. */
const UNSENDABLE = /^$|^ | $|\p{Cc}|, /u;

/**
 * Makes a function that recognises the configured keys, each as a service.
 *
 * @throws TypeError for a key that no client could send: it would silently lock everyone out.
 */
export function createStaticKeys(
  keys: readonly string[],
): (token: string) => Principal | undefined {
  for (const [index, key] of keys.entries()) requireSendable(key, index + 1);
  const known = keys.map(tokenDigest);
  return (token) => {
    const digest = tokenDigest(token);
    let isKnown = false;
    for (const each of known) {
      // No early exit: the time taken must not depend on which key matched.
      if (timingSafeEqual(each, digest)) isKnown = true;
    }
    return isKnown ? serviceOf(digest) : undefined;
  };
}

function requireSendable(key: string, number: number): void {
  if (key.isWellFormed() && !UNSENDABLE.test(key)) return;
  throw new TypeError(
    `API key number ${number} can never match: a key must not be empty, begin or end with a space, ` +
      'or contain a control character, a lone surrogate or ", "',
  );
}
