export { createApi } from './http/create-api.ts';
export type { Api, ApiOptions } from './http/create-api.ts';
export type { AuthentikOptions } from './http/auth/authentik.ts';
export type { OidcOptions } from './http/auth/oidc.ts';
export type { Authenticate, Principal } from './http/auth/principal.ts';
export { HttpError } from './http/errors.ts';
