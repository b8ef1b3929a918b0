export { createApi } from './server/create-api.ts';
export type { Api, ApiOptions } from './server/create-api.ts';
export type { AuthentikOptions } from './auth/authentik.ts';
export type { OidcOptions } from './auth/oidc.ts';
export type { Authenticate, Principal } from './http/principal.ts';
export { HttpError } from './http/errors.ts';
