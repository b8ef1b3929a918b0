import type { Principal } from 'jims-core';

export type { Principal };

/** Takes the reason why a caller is not let in: for the log, never for the caller. */
export type Explain = (reason: string) => void;

/**
 * Decides which principal sent a request; `undefined` means refused, and `explain` may say why. Throws an `HttpError`
 * 503 when the decision cannot be made, and whatever `beforeAsking` throws: that one is awaited before a
 * token leaves this process, so that a request which would be turned down anyway costs nobody else a
 * question.
 */
export type Authenticate = (
  request: Request,
  beforeAsking?: () => Promise<unknown>,
  explain?: Explain,
) => Promise<Principal | undefined>;

/** One way to recognise a token. Throws an `HttpError` 503 when it cannot tell. */
export type TokenCheck = (token: string, explain?: Explain) => Promise<Principal | undefined>;
