// The contact and the chat of a request: OpenAI's own clients do not name them; chat front ends, and
// clients that know JIMS, name them by headers.
import * as v from 'valibot';

import type { ChatId } from '../../../chat/client-history.ts';
import { contactInQuery, contactOf, nobody, requireContactId } from '../../../http/contact.ts';
import { sentObject } from '../../../http/fastapi/fields.ts';
import { CHAT_HEADERS, USER_HEADERS } from '../../../http/naming-headers.ts';
import type { Call } from '../../../http/route.ts';

/** The contact when none is named. */
export const NOBODY: string = nobody('openai');

const MAX_CHAT_ID = 256;

/** The members of a body that name its sender. */
export const callerFields = {
  user: v.pipe(
    v.nullish(v.string()),
    v.description('The contact; the header x-jims-contact-id wins over it'),
  ),
  safety_identifier: v.pipe(v.nullish(v.string()), v.description('Instead of `user`')),
  metadata: v.nullish(sentObject),
};

export interface NamedCaller {
  readonly user?: string | null | undefined;
  readonly safety_identifier?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * The contact that a request is for; `undefined` when none is named.
 *
 * @throws HttpError 422 for a name that no contact can have, 404 when a contact names another one.
 */
export function callerOf(call: Call, body: NamedCaller = {}): string | undefined {
  if (call.contactByHeader) return contactOf(call, undefined);
  const named =
    headerOf(call, USER_HEADERS) ||
    body.user ||
    body.safety_identifier ||
    textIn(body.metadata, 'contact_id');
  return contactOf(call, contactInQuery(call) ?? checked(named));
}

/** The chat, as a front end that does not know JIMS names it. */
export function chatOf(call: Call, protocol: string): ChatId | undefined {
  const id = headerOf(call, CHAT_HEADERS);
  return id === undefined ? undefined : { protocol, id: id.slice(0, MAX_CHAT_ID) };
}

export function textIn(
  object: Readonly<Record<string, unknown>> | null | undefined,
  member: string,
): string | undefined {
  const value = object?.[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function checked(named: string | undefined): string | undefined {
  return named ? requireContactId(named, ['body', 'user']) : undefined;
}

/** An empty header is ignored: it comes from a template that had nothing to fill in. */
function headerOf({ request }: Call, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = request.headers.get(name)?.trim();
    if (value) return value;
  }
  return undefined;
}
