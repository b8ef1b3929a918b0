// How callers are named.
import { hash } from 'node:crypto';

import * as v from 'valibot';

import { contactId as contactName } from '../http/contact.ts';
import type { Principal } from '../http/principal.ts';

const PADDED_OR_EMPTY = /^$|^\s|\s$/;
const CONTROL_CHARACTER = /\p{Cc}/u;
/** Enough of a digest to tell keys apart in a log, too little to find the key. */
const SERVICE_ID_BYTES = 4;
/** 128 bits: however many contacts there are, no two share an idempotency key. */
const CONTACT_ID_BYTES = 16;

/** SHA-256 of a key or token in UTF-8: compared, cached and logged in its place. */
export function tokenDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** The service that a token belongs to, named after the digest of the token. */
export function serviceOf(digest: Buffer): Principal {
  return { kind: 'service', id: digest.toString('hex', 0, SERVICE_ID_BYTES) };
}

/** How a contact is read from the claims of an issuer. */
export interface ContactClaimOptions {
  /** The claim that is the contact id: a top-level member, even if its name has dots. */
  readonly contactClaim: string;
  /** Put before the claim, so that no user can take a name that a service uses; default none. */
  readonly contactPrefix?: string | undefined;
}

/** What an issuer says about a user, by name. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Makes a function that reads a contact from claims, and gives `undefined` when they name none. The
 * principal's `id` is a digest of issuer and contact, so that equal names at two issuers stay two callers.
 *
 * @throws TypeError for an option that cannot be used.
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
    const digest = hash('sha256', JSON.stringify([issuer, contactId]), 'buffer');
    return { kind: 'contact', id: digest.toString('hex', 0, CONTACT_ID_BYTES), contactId };
  };
}

/** Stricter than a chat request: a token has no reason to contain what a database may refuse. */
function isContactId(value: unknown): value is string {
  return v.is(contactName, value) && !CONTROL_CHARACTER.test(value);
}

/** Users can type any address: before it is verified it may be somebody else's. */
function isUnverified({ email_verified: verified = true }: Claims): boolean {
  return verified !== true && verified !== 'true';
}
