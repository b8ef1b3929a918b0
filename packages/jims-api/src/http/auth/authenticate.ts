import { HttpError } from '../errors.ts';
import { type AuthentikOptions, createAuthentik } from './authentik.ts';
import { bearerToken } from './bearer.ts';
import type { Authenticate, Principal } from './principal.ts';
import { createStaticKeys } from './static-keys.ts';

export interface AuthenticateOptions {
  readonly apiKeys: readonly string[];
  readonly authentik?: AuthentikOptions | undefined;
}

const EVERYONE: Principal = { kind: 'service', id: 'open' };

/**
 * The configured ways in, in order: a static key, then Authentik. With neither, everyone may come in.
 * Throws a TypeError when the configuration cannot work.
 */
export function createAuthenticate({ apiKeys, authentik }: AuthenticateOptions): Authenticate {
  if (apiKeys.length === 0 && authentik === undefined) return async () => EVERYONE;
  const byKey = createStaticKeys(apiKeys);
  const byAuthentik = authentik && createAuthentik(authentik);
  return async (request, beforeAsking) => {
    const token = bearerToken(request.headers);
    if (token === undefined) return undefined;
    const service = byKey(token);
    if (service !== undefined || byAuthentik === undefined) return service;
    await beforeAsking?.();
    return byAuthentik(token);
  };
}

/** The answer to a request that no principal stands behind. */
export function unauthorized(): HttpError {
  return new HttpError(401, 'Unauthorized', { headers: { 'www-authenticate': 'Bearer' } });
}
