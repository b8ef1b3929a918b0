// Who asks, and in which chat: what OpenAI's own clients do not say, and those of JIMS and of chat
// front ends say by headers.
import * as v from 'valibot';

import { validationError } from '../errors.ts';
import { jsonObject } from '../fields.ts';
import type { ChatId } from '../history-thread.ts';
import type { Call } from '../route.ts';
import { contactId } from '../run-fields.ts';
import { contactHeader, contactOf, notFound } from '../run-routes.ts';
import { canonicalUuid } from '../uuid.ts';
import { fieldError } from '../validation.ts';

/** Whose threads they are when nobody is named. */
export const NOBODY = 'openai';

const CONTACT_HEADERS = ['x-openwebui-user-id', 'x-openwebui-user-email'];
const CHAT_HEADERS = ['x-openwebui-chat-id', 'x-conversation-id'];
const MAX_CHAT_ID = 256;

/** The members of a body that name its sender. */
export const callerFields = {
  user: v.pipe(
    v.nullish(v.string()),
    v.description('Who talks; or the header x-jims-contact-id, which goes before it'),
  ),
  safety_identifier: v.pipe(v.nullish(v.string()), v.description('Instead of `user`')),
  metadata: v.nullish(jsonObject),
};

export interface NamedCaller {
  readonly user?: string | null | undefined;
  readonly safety_identifier?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

/**
 * The contact that a request is for; `undefined` when nobody is named.
 *
 * @throws HttpError 422 for a name that none can have, 404 when a contact names another one.
 */
export function callerOf(call: Call, body: NamedCaller = {}): string | undefined {
  const named =
    contactHeader(call) ??
    headerOf(call, CONTACT_HEADERS) ??
    (body.user || body.safety_identifier || textIn(body.metadata, 'contact_id') || undefined);
  return contactOf(call, checked(named));
}

/** The chat of a front end that knows nothing of JIMS. */
export function chatOf(call: Call, protocol: string): ChatId | undefined {
  const id = headerOf(call, CHAT_HEADERS);
  return id === undefined ? undefined : { protocol, id: id.slice(0, MAX_CHAT_ID) };
}

/** @throws HttpError 404 for an id that no thread can have. */
export function threadIdOf(id: string): string {
  const threadId = canonicalUuid(id);
  if (threadId === undefined) throw notFound(`Thread '${id}' not found`);
  return threadId;
}

export function textIn(
  object: Readonly<Record<string, unknown>> | null | undefined,
  member: string,
): string | undefined {
  const value = object?.[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function checked(named: string | undefined): string | undefined {
  if (named === undefined || v.is(contactId, named)) return named;
  const reason = 'a contact is 1 to 512 characters, with no space around them';
  throw validationError([fieldError('user', named, reason)]);
}

/** An empty header is a template of a front end that had nothing to fill in. */
function headerOf({ request }: Call, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = request.headers.get(name)?.trim();
    if (value) return value;
  }
  return undefined;
}
