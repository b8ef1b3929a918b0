// Which contact a request is for.
import { isUtf8 } from 'node:buffer';

import type { Thread } from 'jims-core';
import * as v from 'valibot';

import { HttpError, notFound } from './errors.ts';
import { valueError } from './fastapi/validation.ts';
import { isJsonObject } from './json-object.ts';
import { CONTACT_HEADER } from './naming-headers.ts';
import type { Principal } from './principal.ts';
import type { ApiContext, Call } from './route.ts';

/** PostgreSQL's indexes have a limit: 512 characters fit in any encoding. */
const MAX_CONTACT_ID = 512;
const NOBODY = 'nobody:';
/**
 * No space around it, as two contacts must not differ in what nobody sees; not a name of {@link nobody}; and
 * no NUL, no half of a character and no U+FFFD, which stands for what is not UTF-8: two names would become one.
 * Not "." or "..", which no path can name, encoded or not: such a contact could not be erased.
 */
const NAME =
  /^(?!nobody:|\s|\.{1,2}$)(?:[^\0\ufffd\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])+(?<!\s)$/;

export const contactId = v.pipe(
  v.string(),
  v.description(
    'The person who writes, by your name for them; the same name continues the same thread',
  ),
  v.nonEmpty(),
  v.maxLength(MAX_CONTACT_ID),
  v.regex(NAME),
);

/**
 * The contact that threads belong to when no contact is named, such as `nobody:openai`. Neither a
 * service nor a token can name it, so that a contact who happens to be named like a protocol gets nothing.
 */
export function nobody(who: string): string {
  return NOBODY + who;
}

/** True for a name that {@link nobody} made. */
export function isNobody(name: string): boolean {
  return name.startsWith(NOBODY);
}

/** True for a contact with a name that {@link nobody} made. */
export function isNobodys(principal: Principal): boolean {
  return principal.kind === 'contact' && isNobody(principal.contactId);
}

/** The principal that a request acts as, and how that was decided. */
export interface Acting {
  readonly principal: Principal;
  /** Whether a service named the contact by the header: then no other name in the request counts. */
  readonly contactByHeader: boolean;
}

/** The codes of a contact header that is missing or not valid: every protocol answers them as plain HTTP errors. */
export const CONTACT_HEADER_CODES: ReadonlySet<string> = new Set([
  'contact_header_invalid',
  'contact_header_required',
]);

/**
 * Decides which principal a request acts as. A service that names a contact by the header
 * `x-jims-contact-id` reaches what that contact would reach with a token of their own, and nothing else,
 * on every route.
 *
 * @throws HttpError 400 when the header is empty, holds several names, or is required and not there;
 * 422 for a name that no contact can have; 404 when a contact names another one.
 */
export function actingAs(
  principal: Principal,
  { headers }: Pick<Request, 'headers'>,
  { required }: { readonly required: boolean },
): Acting {
  const header = headers.get(CONTACT_HEADER);
  if (header === null) {
    if (!required || principal.kind === 'contact') return { principal, contactByHeader: false };
    throw new HttpError(400, `The header ${CONTACT_HEADER} is required: name the contact`, {
      code: 'contact_header_required',
    });
  }
  const name = requireContactId(oneName(CONTACT_HEADER, header), ['header', CONTACT_HEADER]);
  if (principal.kind === 'service') {
    const contact = { kind: 'contact', id: principal.id, contactId: name } as const;
    return { principal: contact, contactByHeader: true };
  }
  if (name !== principal.contactId) throw contactNotFound(name);
  return { principal, contactByHeader: false };
}

/**
 * The name in a header. A header that is sent twice arrives as one, with a comma between. So a name must not
 * have a comma here, not even between equal names: a contact named "ann, ann" is not ann.
 *
 * @throws HttpError 400 for what is not one name in UTF-8.
 */
export function oneName(header: string, value: string): string {
  // Each character stands for one byte. Spaces are removed last: a byte of a letter may look like one.
  const bytes = Buffer.from(value, 'latin1');
  const given = bytes.toString().trim();
  if (given !== '' && !given.includes(',') && isUtf8(bytes)) return given;
  const fault = given === '' ? 'empty' : 'sent more than once, or holds a comma';
  const reason = `The header ${header} must name one contact, in UTF-8 and without a comma: it is ${isUtf8(bytes) ? fault : 'not UTF-8'}`;
  throw new HttpError(400, reason, { code: 'contact_header_invalid' });
}

/**
 * The contact that a request is for: the caller, or the one that a service names in its body or query.
 *
 * @throws HttpError 404 when a contact names another one, as if that did not exist.
 */
export function contactOf(
  { principal, contactByHeader }: Call,
  named: string | undefined,
): string | undefined {
  if (principal.kind === 'service') return named;
  if (contactByHeader || named === undefined || named === principal.contactId) {
    return principal.contactId;
  }
  throw contactNotFound(named);
}

/**
 * The contact that a path names.
 *
 * @throws HttpError 404 when the caller is another contact, or acts for one.
 */
export function contactInPath({ params, principal }: Call): string {
  const name = params['contact_id'] ?? '';
  if (principal.kind === 'service' || name === principal.contactId) return name;
  throw contactNotFound(name);
}

function contactNotFound(name: string): HttpError {
  return notFound(`Contact '${name.slice(0, 100)}' not found`);
}

/**
 * The contact that a service names in the query.
 *
 * @throws HttpError 422 for a name that no contact can have.
 */
export function contactInQuery({ query, contactByHeader }: Call): string | undefined {
  const named = contactByHeader ? null : query.get('contact_id');
  return named ? requireContactId(named, ['query', 'contact_id']) : undefined;
}

/** Reads a body that names a contact: a contact may leave it out, and the contact header wins over it. */
export async function bodyWithContact(call: Call): Promise<unknown> {
  const body = await call.body();
  const { principal, contactByHeader } = call;
  if (principal.kind === 'service' || !isJsonObject(body)) return body;
  const own = { contact_id: principal.contactId };
  return contactByHeader ? { ...body, ...own } : { ...own, ...body };
}

/** Whether a caller may use a thread. `named` is the contact that a service names, if it names one. */
export function mayReach(
  { sharedThreads }: Pick<ApiContext, 'sharedThreads'>,
  { principal }: Call,
  { contactId: owner }: Pick<Thread, 'contactId'>,
  named?: string,
): boolean {
  if (principal.kind === 'contact') return owner === principal.contactId;
  return sharedThreads || named === undefined || owner === named;
}

/** @throws HttpError 422 for a name that no contact can have. */
export function requireContactId(name: string, loc: readonly string[]): string {
  if (v.is(contactId, name)) return name;
  const reason = `a contact is 1 to ${MAX_CONTACT_ID} characters with no space around them, without NUL, U+FFFD and halves of characters; it does not begin with ${NOBODY}, and is not . or ..`;
  throw valueError(loc, name, reason);
}
