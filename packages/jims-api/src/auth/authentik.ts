import type { TokenCheck } from '../http/principal.ts';
import { createAuthentikClient } from './authentik-client.ts';
import {
  type ContactClaimOptions,
  createContactReader,
  serviceOf,
  tokenDigest,
} from './principals.ts';
import { CachedCheck, VerdictCache } from './token-cache.ts';

/** A mistyped token should not stay refused for as long as a good one stays good. */
const LONGEST_DENIAL_SECONDS = 5;
const REMEMBERED_TOKENS = 10_000;
/** At most half of the connections to Authentik are for tokens that it never let in. */
const NEWCOMERS_AT_ONCE = 16;
/** A newcomer that waits longer is answered 503: the client would give up before its turn. */
const NEWCOMER_WAIT_MS = 1000;
const USERINFO = '/application/o/userinfo/';
/** Anything else cannot be put into a header, and no token of Authentik contains it. */
const PRINTABLE_ASCII = /^[ -~]+$/;

/** An Authentik instance that decides who may call. */
export interface AuthentikOptions extends Partial<ContactClaimOptions> {
  /** Where Authentik is, with a path prefix if it has one. */
  readonly url: string;
  /** The application that callers must have access to. */
  readonly slug: string;
  /**
   * Makes callers contacts: the claim of Authentik's userinfo that is their contact id, such as `sub`.
   * Default: a caller that may use the application is a service.
   */
  readonly contactClaim?: string;
  /** Milliseconds for all questions about a token, waiting for a connection included; default 3000. */
  readonly deadlineMs?: number;
  /** Seconds that a yes is trusted, and a no for at most 5; default 0, which asks every time. */
  readonly cacheSeconds?: number;
  /** A monotonic clock in milliseconds, for tests; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Recognises the tokens that Authentik lets into an application.
 *
 * @throws TypeError for an option that cannot be used.
 */
export function createAuthentik(options: AuthentikOptions): TokenCheck {
  const checks = new CachedCheck(createQuestion(options), {
    cache: verdictCache(options),
    capacity: REMEMBERED_TOKENS,
    newcomers: NEWCOMERS_AT_ONCE,
    newcomerWaitMs: NEWCOMER_WAIT_MS,
  });
  return async (token, explain = () => {}) => {
    const principal = PRINTABLE_ASCII.test(token) ? await checks.principalOf(token) : undefined;
    if (!principal) explain('Authentik does not let this token into the application');
    return principal;
  };
}

/**
 * Asks Authentik whether a token may use the application, and then, for contacts, whose it is. Rejects
 * with an Error when the answer is neither a clear yes nor a clear no.
 */
function createQuestion(options: AuthentikOptions): TokenCheck {
  const { url, contactClaim, contactPrefix, deadlineMs = 3000 } = options;
  const access = accessPath(options.slug);
  const ask = createAuthentikClient(url);
  const contactOf =
    contactClaim === undefined
      ? undefined
      : createContactReader(url, { contactClaim, contactPrefix });
  return async (token) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const verdict = await ask(access, token, signal);
    if (verdict?.['passing'] !== true) return undefined;
    if (!contactOf) return serviceOf(tokenDigest(token));
    const claims = await ask(USERINFO, token, signal);
    return claims && contactOf(claims);
  };
}

function accessPath(slug: string): string {
  // The names "." and ".." would climb out of the path: encodeURIComponent leaves them as they are.
  if (/^\.{0,2}$/.test(slug) || !slug.isWellFormed()) {
    throw new TypeError(`The Authentik application slug must be a name, got "${slug}"`);
  }
  return `/api/v3/core/applications/${encodeURIComponent(slug)}/check_access/`;
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
