import * as v from 'valibot';

import { contactNamed, textIn } from '../../../chat/front-end-names.ts';
import { nobody } from '../../../http/contact.ts';
import { sentObject } from '../../../http/fastapi/fields.ts';
import type { Call } from '../../../http/route.ts';
import { described } from '../../../http/schema.ts';

/** The contact when none is named. */
export const NOBODY: string = nobody('openai');

/** The members of a body that name its sender. */
export const callerFields = {
  user: described(v.nullish(v.string()), 'The contact; the header x-jims-contact-id wins over it'),
  safety_identifier: described(v.nullish(v.string()), 'Instead of `user`'),
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
  const id = body.user || body.safety_identifier || textIn(body.metadata, 'contact_id');
  return contactNamed(call, { id, member: 'user' });
}
