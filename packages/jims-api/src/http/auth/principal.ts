import type { Principal } from 'jims-core';

export type { Principal };

/**
 * Decides who sent a request; `undefined` means refused. Throws an `HttpError` 503 when the decision
 * cannot be made, and whatever `beforeAsking` throws: that one is awaited before a token leaves this
 * process, so that a request which would be turned down anyway costs nobody else a question.
 */
export type Authenticate = (
  request: Request,
  beforeAsking?: () => Promise<unknown>,
) => Promise<Principal | undefined>;

/** One way to recognise a token. Throws an `HttpError` 503 when it cannot tell. */
export type TokenCheck = (token: string) => Promise<Principal | undefined>;
