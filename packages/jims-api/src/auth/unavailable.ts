import { HttpError } from '../http/errors.ts';

/** The answer when whoever knows the token cannot be asked. Nobody comes in meanwhile. */
export function authUnavailable(cause: unknown): HttpError {
  return new HttpError(503, 'Authentication is unavailable', {
    code: 'auth_unavailable',
    headers: { 'retry-after': '1' },
    cause,
  });
}
