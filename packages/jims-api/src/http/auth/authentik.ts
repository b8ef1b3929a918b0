import { type AuthentikQuestionOptions, createAuthentikQuestion } from './authentik-question.ts';
import type { Principal, TokenCheck } from './principal.ts';
import { tokenDigest } from './token-digest.ts';
import { authUnavailable } from './unavailable.ts';
import { VerdictCache } from './verdict-cache.ts';

/** A mistyped token should not stay refused for as long as a good one stays good. */
const LONGEST_DENIAL_SECONDS = 5;
const REMEMBERED_TOKENS = 10_000;
/** Anything else cannot be put into a header; no token that Authentik gives out holds it. */
const PRINTABLE_ASCII = /^[ -~]+$/;

export interface AuthentikOptions extends AuthentikQuestionOptions {
  /** How long a verdict is trusted: 0, the default, asks every time; refusals at most 5 seconds. */
  readonly cacheSeconds?: number;
  /** A monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/**
 * Recognises the tokens that Authentik lets into one application. Requests that come with the same token
 * at the same time share one question; trouble is never remembered. Throws a TypeError when an option
 * cannot be used.
 */
export function createAuthentik(options: AuthentikOptions): TokenCheck {
  const check = sharingQuestions(createAuthentikQuestion(options), verdictCache(options));
  return async (token) => (PRINTABLE_ASCII.test(token) ? check(token) : undefined);
}

function verdictCache({
  cacheSeconds = 0,
  now = performance.now.bind(performance),
}: AuthentikOptions): VerdictCache {
  if (!(cacheSeconds >= 0)) {
    throw new TypeError(`cacheSeconds must be a number from 0 on, got ${cacheSeconds}`);
  }
  return new VerdictCache({
    allowMs: cacheSeconds * 1000,
    denyMs: Math.min(cacheSeconds, LONGEST_DENIAL_SECONDS) * 1000,
    capacity: REMEMBERED_TOKENS,
    now,
  });
}

function sharingQuestions(ask: TokenCheck, cache: VerdictCache): TokenCheck {
  const underway = new Map<string, Promise<Principal | undefined>>();

  async function askAndRemember(token: string, key: string): Promise<Principal | undefined> {
    try {
      const principal = await ask(token);
      cache.set(key, principal);
      return principal;
    } catch (cause) {
      throw authUnavailable(cause);
    } finally {
      underway.delete(key);
    }
  }

  return async (token) => {
    const key = tokenDigest(token).toString('base64');
    const known = cache.get(key);
    if (known) return known.principal;
    const question = underway.get(key) ?? askAndRemember(token, key);
    underway.set(key, question);
    return question;
  };
}
