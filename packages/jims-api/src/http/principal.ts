import type { Principal } from 'jims-core';

export type { Principal };

/** Takes the reason why a caller is refused: for the log, never for the caller. */
export type Explain = (reason: string) => void;

/**
 * Decides which principal sent a request. `undefined` refuses it with 401; `explain` takes the reason for the
 * log. An `HttpError` that it throws becomes the answer: 503 when it cannot decide. When it asks another
 * server, it awaits `beforeAsking` first, which reads the body and throws for a request that is refused
 * anyway.
 *
 * @example
 * const authenticate: Authenticate = async (request) => {
 *   const user = await userOfCookie(request.headers.get('cookie'));
 *   return user && { kind: 'contact', id: `user-${user.id}`, contactId: `user:${user.id}` };
 * };
 * await serve(app, { authenticate });
 */
export type Authenticate = (
  request: Request,
  beforeAsking?: () => Promise<unknown>,
  explain?: Explain,
) => Promise<Principal | undefined>;

/** Gives the principal of a token. Throws an `HttpError` 503 when it cannot decide. */
export type TokenCheck = (token: string, explain?: Explain) => Promise<Principal | undefined>;
