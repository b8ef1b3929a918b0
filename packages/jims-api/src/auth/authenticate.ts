import { HttpError } from '../http/errors.ts';
import type { Authenticate, Principal } from '../http/principal.ts';
import { type AuthentikOptions, createAuthentik } from './authentik.ts';
import { tokenOf } from './bearer.ts';
import { type OidcOptions, createOidc } from './oidc.ts';
import { createStaticKeys } from './static-keys.ts';

export interface AuthenticateOptions {
  /** Keys that callers send as `Authorization: Bearer <key>`, or as `x-api-key`; they are services. */
  readonly apiKeys: readonly string[];
  /** An issuer of tokens; their callers are contacts. */
  readonly oidc?: OidcOptions | undefined;
  /** An Authentik that decides; its callers are services, or with `contactClaim` contacts. */
  readonly authentik?: AuthentikOptions | undefined;
}

const EVERYONE: Principal = { kind: 'service', id: 'open' };

/**
 * Tries what is configured in this order: static keys, the OIDC issuer, Authentik. With nothing configured
 * everyone is let in as a service. A token that claims to be the issuer's is never shown to Authentik.
 *
 * @throws TypeError for a configuration that cannot work.
 */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  if (!isSecured(options)) return async () => EVERYONE;
  const byKey = createStaticKeys(options.apiKeys);
  const oidc = options.oidc && createOidc(options.oidc);
  const byAuthentik = options.authentik && createAuthentik(options.authentik);
  return async (request, beforeAsking, explain = () => {}) => {
    const token = tokenOf(request.headers);
    if (token === undefined) {
      explain(
        request.headers.has('authorization')
          ? 'the Authorization header is not one Bearer token'
          : 'there is no Authorization header',
      );
      return undefined;
    }
    const service = byKey(token);
    if (service) return service;
    if (oidc?.isIssuerOf(token)) return oidc.check(token, explain);
    if (!byAuthentik) {
      explain(
        oidc ? 'the token is neither a key nor of the OIDC issuer' : 'the token is not a known key',
      );
      return undefined;
    }
    await beforeAsking?.();
    return byAuthentik(token, explain);
  };
}

/** True when callers need a key or a token. */
export function isSecured({ apiKeys, oidc, authentik }: AuthenticateOptions): boolean {
  return apiKeys.length > 0 || oidc !== undefined || authentik !== undefined;
}

/** The answer to a request without a principal; `reason` is for the log. */
export function unauthorized(reason?: string): HttpError {
  return new HttpError(401, 'Unauthorized', { headers: { 'www-authenticate': 'Bearer' }, reason });
}
