import type { JsonObject } from 'jims-core';

import type { Explain } from '../http/principal.ts';
import { authUnavailable, readJsonObject } from './identity-server.ts';
import type { Claims } from './principals.ts';

/** Signatures that only the issuer can make; a shared secret would let every verifier make them. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const CLOCK_TOLERANCE_SECONDS = 30;
const KEYS_MAX_AGE_MS = 600_000;
/** An unknown key id makes a request to the issuer, but not more often than this. */
const KEYS_COOLDOWN_MS = 10_000;
/** Issuers with many keys and certificates need some ten thousand bytes. */
const DOCUMENT_BYTES = 256 * 1024;
const DISCOVERY = '/.well-known/openid-configuration';
/** ID and access tokens; issuers also sign other things, such as logouts. RFC 8725, 3.11 and RFC 9068. */
const TOKEN_TYPE = /^(?:application\/)?(?:jwt|at\+jwt)$/i;

/** jose's codes for what is wrong with a token. Everything else is the issuer's fault. */
const FAULTS: ReadonlySet<unknown> = new Set([
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWS_INVALID',
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_INVALID',
]);

export interface JwtVerifierOptions {
  readonly issuer: string;
  /** Where the keys are; default: what the issuer's discovery document says. */
  readonly jwksUrl?: string | undefined;
  readonly audience: readonly string[];
  /** For all requests to the issuer that a token causes. */
  readonly deadlineMs: number;
}

/** Gives the claims of a valid token, else `undefined`. Throws an `HttpError` 503 for a bad issuer. */
export type JwtVerifier = (token: string, explain: Explain) => Promise<Claims | undefined>;

/** Loads jose and makes a verifier. The first request to the issuer comes with the first token. */
export async function loadJwtVerifier(options: JwtVerifierOptions): Promise<JwtVerifier> {
  const [{ jwtVerify }, remote] = await Promise.all([
    import('jose/jwt/verify'),
    import('jose/jwks/remote'),
  ]);
  const { issuer, audience, deadlineMs } = options;
  const keys = remote.createRemoteJWKSet(new URL(issuer), {
    timeoutDuration: deadlineMs,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MAX_AGE_MS,
    // Not from the URL that jose passes: where the keys are may have to be discovered first.
    [remote.customFetch]: async (_url, { signal }) =>
      Response.json(await fetchKeys(options, signal)),
  });
  const rules = {
    issuer,
    audience: [...audience],
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
  };
  return async (token, explain) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, rules);
      if (TOKEN_TYPE.test(protectedHeader.typ ?? 'JWT')) return payload;
      explain('the token is of another type than JWT or at+jwt');
      return undefined;
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && FAULTS.has(cause.code))) {
        throw authUnavailable(cause);
      }
      // jose names the claim or the rule, never what the token says.
      explain(`the token is not valid: ${cause.message}`);
      return undefined;
    }
  };
}

/** Rejects with an Error that says what is wrong with the issuer. */
async function fetchKeys(
  { issuer, jwksUrl }: JwtVerifierOptions,
  signal: AbortSignal,
): Promise<JsonObject> {
  return fetchJson(jwksUrl ?? (await discoverKeys(issuer, signal)), signal);
}

async function discoverKeys(issuer: string, signal: AbortSignal): Promise<string> {
  const document = await fetchJson(issuer.replace(/\/$/, '') + DISCOVERY, signal);
  const { issuer: name, jwks_uri: jwksUrl } = document;
  // Otherwise one tenant of a server could speak for another.
  if (name !== issuer) {
    throw new Error(`The issuer ${issuer} calls itself ${JSON.stringify(name)}`);
  }
  const location = typeof jwksUrl === 'string' ? URL.parse(jwksUrl) : null;
  const safe = issuer.startsWith('https:') ? /^https:$/ : /^https?:$/;
  if (location === null || !safe.test(location.protocol)) {
    throw new Error(`The issuer ${issuer} names no usable jwks_uri`);
  }
  return location.href;
}

/** By `fetch`, which uses a proxy of the environment: the request has no token. */
async function fetchJson(url: string, signal: AbortSignal): Promise<JsonObject> {
  const headers = { accept: 'application/json, application/jwk-set+json' };
  const response = await fetch(url, { signal, headers, redirect: 'manual' });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  return readJsonObject(response.body, DOCUMENT_BYTES);
}
