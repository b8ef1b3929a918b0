import { HttpError } from '../errors.ts';
import { type AccessQuestionOptions, createAccessQuestion } from './access-question.ts';
import type { TokenCheck } from './principal.ts';
import { shortDigest, tokenDigest } from './token-digest.ts';
import { VerdictCache } from './verdict-cache.ts';

/** A mistyped token should not stay refused for as long as a good one stays good. */
const LONGEST_DENIAL_SECONDS = 5;
const REMEMBERED_TOKENS = 10_000;
/** Anything else cannot be put into a header; no token that Authentik gives out holds it. */
const PRINTABLE_ASCII = /^[ -~]+$/;

export interface AuthentikOptions extends AccessQuestionOptions {
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
  const isAllowed = sharingQuestions(createAccessQuestion(options), verdictCache(options));
  return async (token) => {
    if (!PRINTABLE_ASCII.test(token)) return undefined;
    const digest = tokenDigest(token);
    const allowed = await isAllowed(token, digest.toString('base64'));
    return allowed ? { kind: 'service', id: shortDigest(digest) } : undefined;
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

function sharingQuestions(
  ask: (token: string) => Promise<boolean>,
  cache: VerdictCache,
): (token: string, key: string) => Promise<boolean> {
  const underway = new Map<string, Promise<boolean>>();

  async function askAndRemember(token: string, key: string): Promise<boolean> {
    try {
      const allowed = await ask(token);
      cache.set(key, allowed);
      return allowed;
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      underway.delete(key);
    }
  }

  return async (token, key) => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const question = underway.get(key) ?? askAndRemember(token, key);
    underway.set(key, question);
    return question;
  };
}

function unavailable(cause: unknown): HttpError {
  return new HttpError(503, 'Authentication is unavailable', {
    code: 'auth_unavailable',
    headers: { 'retry-after': '1' },
    cause,
  });
}
