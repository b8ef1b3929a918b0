// Events that come into a thread without a run: what happened outside of the conversation.
import { eventDomain, newEvent } from 'jims-core';
import type { NewEvent } from 'jims-core';
import * as v from 'valibot';

import { isAllowedEventType } from '../../chat/event-types.ts';
import { eventType } from '../../chat/run-fields.ts';
import { requireMessageSize } from '../../chat/sent-limits.ts';
import type { HttpError } from '../../http/errors.ts';
import { boolean, sentObject } from '../../http/fastapi/fields.ts';
import { parseBody, valueError } from '../../http/fastapi/validation.ts';
import { jsonOrPieces } from '../../http/json-answer.ts';
import { list } from '../../http/list.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { EventResource, eventResource } from './resources.ts';
import { THREAD_ID, reachableController } from './threads.ts';

const MAX_EVENTS = 100;

/** What no contact may append, whatever the operator allows: messages, and what the service writes itself. */
const NOT_FOR_CONTACTS = ['!comm.*', '!state.*', '!context.*', '!jims.*', '!feedback.*'];
/** A client that may not send this may not write as the assistant under any other type either. */
const AS_ASSISTANT = 'comm.assistant_message';

const NewEventBody = titled('NewEvent', {
  event_type: described(
    eventType,
    '`<domain>.<name>`, such as `crm.note`; a domain of the app’s own',
  ),
  event_data: sentObject,
});

type SentEvent = v.InferOutput<typeof NewEventBody>;

const AppendBody = titled(
  'NewEvents',
  {
    events: v.pipe(list(NewEventBody, MAX_EVENTS), v.nonEmpty()),
    when_idle: described(
      v.optional(boolean, false),
      'Whether to refuse them with 409 while a run of the thread is not over',
    ),
  },
  {
    examples: [{ events: [{ event_type: 'crm.note', event_data: { by: 'anna' } }] }],
  },
);

export const appendRoutes: readonly Route[] = [
  route.post('/api/v1/threads/:thread_id/events', appendEvents, {
    operationId: 'append_events',
    summary: 'Append events to a thread without a run',
    description:
      'All of them, or none. Services append what `--allowed-event-types` lets through; contacts nothing, unless `--contact-event-types` names types of the app’s own domains.',
    tags: ['threads'],
    parameters: [THREAD_ID],
    request: AppendBody,
    responses: {
      201: {
        description: 'The stored events',
        schema: titled('StoredEvents', { events: v.array(EventResource) }),
      },
    },
    errors: [400, 401, 404, 409, 413, 422, 503],
  }),
];

async function appendEvents(api: ApiContext, call: Call): Promise<Response> {
  const { events, when_idle: whenIdle } = parseBody(AppendBody, await call.body());
  const thread = await reachableController(api, call);
  const stored = await thread.appendAll(
    events.map((sent, index) => checked(api, call, { sent, index })),
    { whenIdle },
  );
  return jsonOrPieces(call, { events: stored.map(eventResource) }, 201);
}

/** @throws HttpError 422 for an event that the caller may not append, 413 for one that is too large. */
function checked(
  api: ApiContext,
  { principal }: Call,
  { sent, index }: { readonly sent: SentEvent; readonly index: number },
): NewEvent {
  const { event_type: type, event_data: data } = sent;
  const allowed =
    principal.kind === 'service'
      ? api.allowedEventTypes
      : [...api.contactEventTypes, ...NOT_FOR_CONTACTS];
  if (!isAllowedEventType(type, allowed)) {
    throw eventFault(index, 'event_type', type, 'clients may not append events of this type');
  }
  if (eventDomain(type) === 'comm') requireMessage(api, { sent, index });
  requireMessageSize(api, JSON.stringify(data));
  return newEvent(type, data);
}

/** Readers of a thread rely on the form of its messages. */
function requireMessage(
  { allowedEventTypes }: Pick<ApiContext, 'allowedEventTypes'>,
  { sent, index }: { readonly sent: SentEvent; readonly index: number },
): void {
  const { role, content, files } = sent.event_data;
  const mayBeAssistant = isAllowedEventType(AS_ASSISTANT, allowedEventTypes);
  const roles = mayBeAssistant ? ['user', 'assistant'] : ['user'];
  const fault = (reason: string): HttpError =>
    eventFault(index, 'event_data', sent.event_data, reason);
  if (typeof role !== 'string' || !roles.includes(role)) {
    throw fault(`the role of a message must be ${roles.join(' or ')}`);
  }
  if (typeof content !== 'string') throw fault('the content of a message must be a string');
  if (files !== undefined) throw fault('files come with a message that starts a run');
}

function eventFault(index: number, member: string, input: unknown, reason: string): HttpError {
  return valueError(['body', 'events', index, member], input, reason);
}
