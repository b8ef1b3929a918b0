import { HttpError } from '../errors.ts';

/**
 * Who calls the API: a service, which acts for any contact, or a contact, who acts only for himself.
 * `id` tells callers apart in logs and idempotency keys; it is never the credential itself.
 */
export type Principal =
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'contact'; readonly contactId: string; readonly id: string };

/** @throws HttpError 403 when a contact acts for another one. */
export function requireContact(principal: Principal, contactId: string): void {
  if (principal.kind === 'service' || principal.contactId === contactId) return;
  throw new HttpError(403, 'A contact may act for himself only', { code: 'other_contact' });
}

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
