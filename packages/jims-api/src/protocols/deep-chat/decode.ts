import { newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { uuid } from '../../http/fields.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { contactOf, namedThread } from '../../http/run-routes.ts';
import type { RunAsk } from '../../http/run-routes.ts';
import { parseBody } from '../../http/validation.ts';

const CALLBACK = 'btn:';
const DEFAULT_CONTACT = 'deep-chat';

/** What Deep Chat sends: by default the new message alone, by `maxMessages: -1` all of them. */
export const DeepChatBody = v.pipe(
  v.object({
    messages: v.pipe(
      v.array(v.looseObject({ text: v.optional(v.string(), '') })),
      v.nonEmpty(),
      v.description('The last one is the new message'),
    ),
    contact_id: v.pipe(
      v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(512))),
      v.description('Who talks: by additionalBodyProps, or the header x-jims-contact-id'),
    ),
    thread_id: v.pipe(v.nullish(uuid), v.description('Instead of the latest of the contact')),
  }),
  v.title('DeepChatRequest'),
);

/** A request as a run: closing the connection is Deep Chat's stop button. */
export function decode(api: ApiContext, call: Call, body: unknown): RunAsk {
  const { messages, contact_id, thread_id } = parseBody(DeepChatBody, unwrapped(body));
  const named = contact_id ?? call.request.headers.get('x-jims-contact-id') ?? undefined;
  const contactId = contactOf(call, named) ?? DEFAULT_CONTACT;
  return {
    thread:
      typeof thread_id === 'string'
        ? namedThread(api, call, { threadId: thread_id, contactId: named ?? undefined })
        : { kind: 'latest', contactId, threadConfig: { interface: 'deep-chat' } },
    incoming: incomingEvent(messages.at(-1)?.text ?? ''),
    onDisconnect: 'cancel',
  };
}

/** An interceptor that gives a text has it encoded once more, as JSON in JSON; or it is a bare text. */
function unwrapped(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return unwrapped(JSON.parse(body));
  } catch {
    return { messages: [{ text: body }] };
  }
}

/** Buttons of JIMS's widget send what they stand for behind `btn:`. */
function incomingEvent(text: string): NewEvent {
  return text.startsWith(CALLBACK)
    ? newEvent('comm.user_button_click', { role: 'user', content: text.slice(CALLBACK.length) })
    : newEvent('comm.user_message', { role: 'user', content: text });
}
