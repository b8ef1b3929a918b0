import type { TokenCheck } from '../http/principal.ts';
import { createAuthentikClient } from './authentik-client.ts';
import { type ContactClaimOptions, createContactReader } from './contact-claim.ts';
import { shortDigest, tokenDigest } from './token-digest.ts';

const USERINFO = '/application/o/userinfo/';

export interface AuthentikQuestionOptions extends Partial<ContactClaimOptions> {
  /** Where Authentik is, a path prefix included. */
  readonly url: string;
  /** The application whose access is asked for. */
  readonly slug: string;
  /**
   * Makes callers contacts: each is whom this claim of Authentik's userinfo names, such as `sub`. Default:
   * who may use the application is a service.
   */
  readonly contactClaim?: string;
  /** For all of a question, waiting for a free connection included; 3000 by default. */
  readonly deadlineMs?: number;
}

/**
 * Asks Authentik whether the bearer of a token may use an application, and then who he is if he is to be
 * a contact. The answer rejects with an Error whenever it is neither a clear yes nor a clear no. Throws
 * a TypeError when an option cannot be used.
 */
export function createAuthentikQuestion(options: AuthentikQuestionOptions): TokenCheck {
  const { url, contactClaim, contactPrefix, deadlineMs = 3000 } = options;
  const access = accessPath(options.slug);
  const ask = createAuthentikClient(url);
  const contact =
    contactClaim === undefined
      ? undefined
      : createContactReader(url, { contactClaim, contactPrefix });
  return async (token) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const verdict = await ask(access, token, signal);
    if (verdict?.['passing'] !== true) return undefined;
    if (!contact) return { kind: 'service', id: shortDigest(tokenDigest(token)) };
    const claims = await ask(USERINFO, token, signal);
    return claims && contact(claims);
  };
}

function accessPath(slug: string): string {
  // The names "." and ".." would climb out of the path: encodeURIComponent leaves them as they are.
  if (/^\.{0,2}$/.test(slug) || !slug.isWellFormed()) {
    throw new TypeError(`The Authentik application slug must be a name, got "${slug}"`);
  }
  return `/api/v3/core/applications/${encodeURIComponent(slug)}/check_access/`;
}
