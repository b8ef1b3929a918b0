// Whom a request is for.
import type { Thread } from 'jims-core';
import * as v from 'valibot';

import type { Principal } from './auth/principal.ts';
import { notFound, validationError } from './errors.ts';
import { CONTACT_HEADER } from './naming-headers.ts';
import type { ApiContext, Call } from './route.ts';
import { valueFault } from './validation.ts';

/** PostgreSQL cannot index a text of any length: 512 characters fit however they are encoded. */
const MAX_CONTACT_ID = 512;
const NOBODY = 'nobody:';
/** No space around it: two contacts must not differ in what nobody sees. And no name of nobody's. */
const NAME = /^(?!nobody:)\S(?:[\s\S]*\S)?$/;

export const contactId = v.pipe(
  v.string(),
  v.description('Who talks, as you name him; the same name continues the same thread'),
  v.nonEmpty(),
  v.maxLength(MAX_CONTACT_ID),
  v.regex(NAME),
);

/**
 * The contact whose threads they are when no contact is named, such as `nobody:openai`. Neither a
 * service nor a token can name it, so that who is called by chance as a protocol reaches nothing.
 */
export function nobody(who: string): string {
  return NOBODY + who;
}

/** True for the name of a contact that is none. */
export function isNobody(name: string): boolean {
  return name.startsWith(NOBODY);
}

/** True for a contact by the name of nobody. */
export function isNobodys(principal: Principal): boolean {
  return principal.kind === 'contact' && isNobody(principal.contactId);
}

/**
 * The contact that a caller acts for: himself, or for a service the one that it names.
 *
 * @throws HttpError 404 when a contact names another one: as if there were no such thing.
 */
export function contactOf({ principal }: Call, named: string | undefined): string | undefined {
  if (principal.kind === 'service') return named;
  if (named !== undefined && named !== principal.contactId) {
    throw notFound(`Contact '${named.slice(0, 100)}' not found`);
  }
  return principal.contactId;
}

/**
 * The contact that a request names outside its body.
 *
 * @throws HttpError 422 for a name that no contact can have.
 */
export function contactHeader({ request, query }: Call): string | undefined {
  const header = request.headers.get(CONTACT_HEADER);
  if (header) return requireContactId(header, ['header', CONTACT_HEADER]);
  const asked = query.get('contact_id');
  return asked ? requireContactId(asked, ['query', 'contact_id']) : undefined;
}

/** Whether a caller may use a thread, for the contact that it names, if any. */
export function mayReach(
  { sharedThreads }: Pick<ApiContext, 'sharedThreads'>,
  { principal }: Call,
  { contactId: owner }: Pick<Thread, 'contactId'>,
  named: string | undefined,
): boolean {
  if (principal.kind === 'contact') return owner === principal.contactId;
  return sharedThreads || named === undefined || owner === named;
}

/** @throws HttpError 422 for a name that no contact can have. */
export function requireContactId(name: string, place: readonly string[]): string {
  if (v.is(contactId, name)) return name;
  const reason = `a contact is 1 to ${MAX_CONTACT_ID} characters with no space around them, and does not begin with ${NOBODY}`;
  throw validationError([valueFault(place, name, reason)]);
}
