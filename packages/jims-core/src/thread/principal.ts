/**
 * Who is behind a request: a service, which acts for any contact, or a contact, who acts only for
 * himself. `id` tells callers apart in logs and idempotency keys; it is never the credential itself.
 */
export type Principal =
  | { readonly kind: 'service'; readonly id: string }
  | { readonly kind: 'contact'; readonly id: string; readonly contactId: string };
