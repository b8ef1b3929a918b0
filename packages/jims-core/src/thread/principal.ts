/**
 * The caller of a request: a service, which acts for any contact, or a contact, who acts only for
 * themselves. `id` identifies the caller in logs and idempotency keys; it is never the credential.
 */
export type Principal =
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'contact'; readonly id: string; readonly contactId: string };
