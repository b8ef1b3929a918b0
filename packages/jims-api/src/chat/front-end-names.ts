// The contact and the chat of a request for model APIs: their own clients do not name them; chat front ends,
// and clients that know JIMS, name them by headers.
import { contactInQuery, contactOf, oneName, requireContactId } from '../http/contact.ts';
import { valueError } from '../http/fastapi/validation.ts';
import { CHAT_HEADERS, USER_HEADERS } from '../http/naming-headers.ts';
import type { Call } from '../http/route.ts';
import type { ChatId } from './client-history.ts';

const MAX_CHAT_ID = 256;

/**
 * The contact that a request is for; `undefined` when none is named.
 *
 * @param inBody The contact that the body names, and the member that does.
 * @throws HttpError 422 for a name that no contact can have, 404 when a contact names another one.
 */
export function contactNamed(
  call: Call,
  inBody: { readonly id: string | null | undefined; readonly member: string },
): string | undefined {
  if (call.contactByHeader) return contactOf(call, undefined);
  const named = userOf(call) || inBody.id;
  return contactOf(
    call,
    contactInQuery(call) ?? (named ? requireContactId(named, ['body', inBody.member]) : undefined),
  );
}

/**
 * The chat, as a front end that does not know JIMS names it.
 *
 * @throws HttpError 422 for a name that is too long: cut, two of them could be one chat.
 */
export function chatNamed(call: Call, protocol: string): ChatId | undefined {
  const id = headerOf(call, CHAT_HEADERS);
  if (id === undefined) return undefined;
  if (id.length <= MAX_CHAT_ID) return { protocol, id };
  const reason = `the id of a chat has at most ${MAX_CHAT_ID} characters`;
  throw valueError(['header', CHAT_HEADERS.join(' or ')], id, reason);
}

/** A member of an object that is a string, and not empty. */
export function textIn(
  object: Readonly<Record<string, unknown>> | null | undefined,
  member: string,
): string | undefined {
  const value = object?.[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @throws HttpError 400 for a header that holds two names. */
function userOf(call: Call): string | undefined {
  const name = headerOf(call, USER_HEADERS);
  return name === undefined ? undefined : oneName(USER_HEADERS.join(' or '), name);
}

/** An empty header is ignored: it comes from a template that had nothing to fill in. */
function headerOf({ request }: Call, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = request.headers.get(name);
    if (value?.trim()) return value;
  }
  return undefined;
}
