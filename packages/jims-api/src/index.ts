export { createApi } from './http/create-api.ts';
export type { Api, ApiOptions } from './http/create-api.ts';
export type { Authenticate, Principal } from './http/auth/principal.ts';
export { HttpError } from './http/errors.ts';
