import type { Principal, TokenCheck } from '../http/principal.ts';
import { type AuthentikQuestionOptions, createAuthentikQuestion } from './authentik-question.ts';
import { tokenDigest } from './token-digest.ts';
import { TokenLane } from './token-lane.ts';
import { authUnavailable } from './unavailable.ts';
import { VerdictCache } from './verdict-cache.ts';

/** A mistyped token should not stay refused for as long as a good one stays good. */
const LONGEST_DENIAL_SECONDS = 5;
const REMEMBERED_TOKENS = 10_000;
/**
 * Half of the connections to Authentik at most are for tokens that it never let in: anybody can send as
 * many of these as they like, and nobody who was let in is to wait for them.
 */
const NEWCOMERS_AT_ONCE = 16;
/** A newcomer that waits longer is answered 503: the queue is longer than a client's patience. */
const NEWCOMER_WAIT_MS = 1000;
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
  return async (token, explain = () => {}) => {
    const principal = PRINTABLE_ASCII.test(token) ? await check(token) : undefined;
    if (!principal) explain('Authentik does not let this token into the application');
    return principal;
  };
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
  const newcomers = new TokenLane(NEWCOMERS_AT_ONCE, NEWCOMER_WAIT_MS);
  /** Digests of tokens that were let in, the one used last at the end. */
  const welcome = new Set<string>();

  function remember(key: string, principal: Principal | undefined): void {
    welcome.delete(key);
    if (!principal) return;
    welcome.add(key);
    const [oldest] = welcome;
    if (welcome.size > REMEMBERED_TOKENS && oldest !== undefined) welcome.delete(oldest);
  }

  async function askAndRemember(token: string, key: string): Promise<Principal | undefined> {
    try {
      const question = (): Promise<Principal | undefined> => ask(token);
      const principal = await (welcome.has(key) ? question() : newcomers.run(question));
      cache.set(key, principal);
      remember(key, principal);
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
