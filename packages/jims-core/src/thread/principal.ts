/**
 * The caller of a request: a service, which acts for any contact, or a contact, who acts only for
 * themselves. `id` identifies the caller in logs and idempotency keys; it is never the credential.
 */
export type Principal =
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'contact'; readonly id: string; readonly contactId: string };

/** What may be kept of a principal: not what an app's own authentication may have added, such as a token. */
export function identityOf(principal: Principal): Principal {
  const { kind, id } = principal;
  return kind === 'service' ? { kind, id } : { kind, id, contactId: principal.contactId };
}
