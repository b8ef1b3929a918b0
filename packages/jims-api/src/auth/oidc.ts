import { isJsonObject } from '../http/json-object.ts';
import type { TokenCheck } from '../http/principal.ts';
import { type ContactClaimOptions, createContactReader } from './contact-claim.ts';
import { parseJson } from './json-answer.ts';
import { type JwtVerifier, loadJwtVerifier } from './jwt-verifier.ts';

export interface OidcOptions extends Partial<ContactClaimOptions> {
  /** Who gives out the tokens: exactly what their claim `iss` says. */
  readonly issuer: string;
  /** Whom a token is for: its claim `aud` must hold one of these. */
  readonly audience: string | readonly string[];
  /** The claim that is the contact id; default `sub`. */
  readonly contactClaim?: string;
  /** Where the issuer's keys are; default: what its `/.well-known/openid-configuration` says. */
  readonly jwksUrl?: string | undefined;
  /** For all that the issuer is asked on behalf of one request; 3000 by default. */
  readonly deadlineMs?: number;
}

/** The tokens of one issuer. */
export interface Oidc {
  /** Whether a token claims to come from this issuer: then nobody else is to see it. */
  isIssuerOf(token: string): boolean;
  /** The contact whom a token of this issuer names. */
  readonly check: TokenCheck;
}

/**
 * Recognises the JWTs that an OpenID Connect issuer has signed for an audience. Nothing is loaded or asked
 * before the first token. Throws a TypeError when an option cannot be used.
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

/** What a JWT says about its origin, believed by nobody yet; empty for what is no JWT. */
function issuerOf(token: string): string {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) return '';
  const claims = parseJson(Buffer.from(payload, 'base64url').toString());
  return isJsonObject(claims) && typeof claims['iss'] === 'string' ? claims['iss'] : '';
}

/** A slash more or less is a mistake in the settings: such a token still goes to nobody else. */
function withoutSlash(issuer: string): string {
  return issuer.replace(/\/$/, '');
}

function requireIssuer(issuer: string): void {
  const { search, hash } = requireHttp('The OIDC issuer', issuer);
  if (search || hash) throw new TypeError('The OIDC issuer must hold no query or fragment');
}

function requireHttp(what: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`${what} must begin with http:// or https://, got "${text}"`);
  }
  if (url.username || url.password) throw new TypeError(`${what} must hold no user or password`);
  return url;
}

function requireAudience(audience: string | readonly string[]): readonly string[] {
  const all = [audience].flat();
  // Without it, a token that was made for any other application of the issuer would let in.
  if (all.length === 0 || all.some((each) => each.trim() === '')) {
    throw new TypeError('OIDC needs an audience: what the claim aud of your tokens says');
  }
  return all;
}
