import { hash } from 'node:crypto';

import { isNobody } from '../http/contact.ts';
import type { Principal } from '../http/principal.ts';

/** As in the body of a chat request. */
const MAX_CONTACT_ID = 512;
const PADDED_OR_EMPTY = /^$|^\s|\s$/;
const CONTROL_CHARACTER = /\p{Cc}/u;
/** 128 bits: however many contacts there are, no two share an idempotency key. */
const ID_BYTES = 16;

/** How a contact is read out of what an issuer says about its user. */
export interface ContactClaimOptions {
  /** The claim that is the contact id: a top-level member, whatever dots are in its name. */
  readonly contactClaim: string;
  /** Put before the claim, so that no user can take a name that a service uses; default none. */
  readonly contactPrefix?: string | undefined;
}

/** What was said about a user, by name. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Reads contact principals out of claims: `undefined` for claims that hold none. The principal's `id`
 * is a digest of issuer and contact, so that equal names at two issuers stay two callers.
 * Throws a TypeError when an option cannot be used.
 */
export function createContactReader(
  issuer: string,
  { contactClaim, contactPrefix = '' }: ContactClaimOptions,
): (claims: Claims) => Principal | undefined {
  if (PADDED_OR_EMPTY.test(contactClaim)) {
    throw new TypeError(`The contact claim must be a name, got "${contactClaim}"`);
  }
  if (contactPrefix !== '' && !isContactId(`${contactPrefix}x`)) {
    throw new TypeError(`No contact id can begin with the contact prefix "${contactPrefix}"`);
  }
  return (claims) => {
    const name = Object.hasOwn(claims, contactClaim) ? claims[contactClaim] : undefined;
    if (!isContactId(name) || (contactClaim === 'email' && isUnverified(claims))) return undefined;
    const contactId = contactPrefix + name;
    if (!isContactId(contactId)) return undefined;
    return { kind: 'contact', id: callerId(issuer, contactId), contactId };
  };
}

/** Stricter than a chat request: a token has no reason to hold what a database may refuse. */
function isContactId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= MAX_CONTACT_ID &&
    value.isWellFormed() &&
    !PADDED_OR_EMPTY.test(value) &&
    !isNobody(value) &&
    !CONTROL_CHARACTER.test(value)
  );
}

/** An address that nobody has checked is whatever its user has typed: anybody's name. */
function isUnverified({ email_verified: verified = true }: Claims): boolean {
  return verified !== true && verified !== 'true';
}

function callerId(issuer: string, contactId: string): string {
  const digest = hash('sha256', JSON.stringify([issuer, contactId]), 'buffer');
  return digest.toString('hex', 0, ID_BYTES);
}
