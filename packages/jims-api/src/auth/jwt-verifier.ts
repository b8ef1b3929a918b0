import type { Explain } from '../http/principal.ts';
import type { Claims } from './contact-claim.ts';
import { type KeysLocation, fetchKeys } from './issuer-documents.ts';
import { authUnavailable } from './unavailable.ts';

/** Signatures that only the issuer can make: with a shared secret, who checks could also sign. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const CLOCK_TOLERANCE_SECONDS = 30;
const KEYS_MAX_AGE_MS = 600_000;
/** An unknown key id asks the issuer again, but not more often than this. */
const KEYS_COOLDOWN_MS = 10_000;
/** ID and access tokens; an issuer signs other things too, such as logouts. RFC 8725, 3.11 and RFC 9068. */
const TOKEN_TYPE = /^(?:application\/)?(?:jwt|at\+jwt)$/i;

/** jose's names for what is the fault of a token. All else is the fault of its issuer. */
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

export interface JwtVerifierOptions extends KeysLocation {
  readonly audience: readonly string[];
  /** For all that the issuer is asked on behalf of one request. */
  readonly deadlineMs: number;
}

/** The claims of a good token, `undefined` for any other. Throws an `HttpError` 503 for a bad issuer. */
export type JwtVerifier = (token: string, explain: Explain) => Promise<Claims | undefined>;

/** Loads jose and makes a verifier of it. Nothing is asked of the issuer before the first token. */
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
    // The URL that jose passes is not asked: where the keys are may have to be discovered first.
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
