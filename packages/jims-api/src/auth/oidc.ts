import { isJsonObject } from '../http/json-object.ts';
import type { TokenCheck } from '../http/principal.ts';
import { parseJson } from './identity-server.ts';
import { type JwtVerifier, loadJwtVerifier } from './jwt-verifier.ts';
import { type ContactClaimOptions, createContactReader } from './principals.ts';

/** An OpenID Connect issuer whose tokens identify contacts. */
export interface OidcOptions extends Partial<ContactClaimOptions> {
  /** The issuer of the tokens: exactly as in their claim `iss`. */
  readonly issuer: string;
  /** The claim `aud` of a token must contain one of these. */
  readonly audience: string | readonly string[];
  /** The claim that is the contact id; default `sub`. */
  readonly contactClaim?: string;
  /** Where the issuer's keys are; default: what its `/.well-known/openid-configuration` says. */
  readonly jwksUrl?: string | undefined;
  /** Milliseconds for all requests to the issuer that a token causes; default 3000. */
  readonly deadlineMs?: number;
}

/** The tokens of one issuer. */
export interface Oidc {
  /** True for a token that claims to come from this issuer: then it is shown to nobody else. */
  isIssuerOf(token: string): boolean;
  /** Gives the contact that a token of this issuer names. */
  readonly check: TokenCheck;
}

/**
 * Recognises the JWTs that an OpenID Connect issuer has signed for an audience. Loads nothing, and asks the
 * issuer nothing, before the first token.
 *
 * @throws TypeError for an option that cannot be used.
 */
export function createOidc(options: OidcOptions): Oidc {
  const { issuer, jwksUrl, contactClaim = 'sub', contactPrefix, deadlineMs = 3000 } = options;
  requireIssuer(issuer);
  if (jwksUrl !== undefined) requireHttp('The address of the OIDC keys', jwksUrl);
  const audience = requireAudience(options.audience);
  const contact = createContactReader(issuer, { contactClaim, contactPrefix });
  let verifier: Promise<JwtVerifier> | undefined;
  return {
    isIssuerOf: (token) => withoutSlash(issuerOf(token)) === withoutSlash(issuer),
    async check(token, explain = () => {}) {
      verifier ??= loadJwtVerifier({ issuer, audience, jwksUrl, deadlineMs });
      const verify = await verifier;
      const claims = await verify(token, explain);
      const principal = claims && contact(claims);
      if (claims && !principal) explain(`the claim '${contactClaim}' does not name a contact`);
      return principal;
    },
  };
}

/** The issuer that a JWT claims, not verified yet; empty for anything else. */
function issuerOf(token: string): string {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return '';
  const claims = parseJson(Buffer.from(payload, 'base64url').toString());
  return isJsonObject(claims) && typeof claims['iss'] === 'string' ? claims['iss'] : '';
}

/**
 * A slash at the end is ignored here: the token is this issuer's, fails its check, and nobody else gets it.
 */
function withoutSlash(issuer: string): string {
  return issuer.replace(/\/$/, '');
}

function requireIssuer(issuer: string): void {
  const { search, hash } = requireHttp('The OIDC issuer', issuer);
  if (search || hash) throw new TypeError('The OIDC issuer must have no query or fragment');
}

function requireHttp(what: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`${what} must begin with http:// or https://, got "${text}"`);
  }
  if (url.username || url.password) throw new TypeError(`${what} must have no user or password`);
  return url;
}

function requireAudience(audience: string | readonly string[]): readonly string[] {
  const all = [audience].flat();
  // Without it a token for any other application of the issuer would be accepted.
  if (all.length === 0 || all.some((each) => each.trim() === '')) {
    throw new TypeError('OIDC needs an audience: what the claim aud of your tokens says');
  }
  return all;
}
