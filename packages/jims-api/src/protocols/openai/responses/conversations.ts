import type { Thread } from 'jims-core';
import * as v from 'valibot';

import { configFor, writableMember } from '../../../chat/client-config.ts';
import { requireConfigSize } from '../../../chat/sent-limits.ts';
import { notFound } from '../../../http/errors.ts';
import { jsonObject, sentObject } from '../../../http/fastapi/fields.ts';
import { parseBody } from '../../../http/fastapi/validation.ts';
import { json } from '../../../http/json-answer.ts';
import { isJsonObject } from '../../../http/json-object.ts';
import { list } from '../../../http/list.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, Route } from '../../../http/route.ts';
import { described, titled } from '../../../http/schema.ts';
import { NOBODY, callerOf } from '../shared/caller.ts';
import { conversationId } from '../shared/ids.ts';
import { CONTACT, deletedResource, idInPath } from '../shared/routes.ts';
import { MAX_ITEMS, eventsIn, itemRoutes } from './conversation-items.ts';
import { Item } from './input.ts';
import { INTERFACE, conversationIn, writableConversation } from './reach.ts';

const ConversationBody = titled('NewConversation', {
  items: described(v.nullish(list(Item, MAX_ITEMS)), 'What was said so far'),
  metadata: v.nullish(sentObject),
});

const ConversationPatchBody = titled('ConversationPatch', { metadata: v.nullish(sentObject) });

const ConversationResource = titled('Conversation', {
  id: v.string(),
  object: v.literal('conversation'),
  created_at: v.number(),
  metadata: jsonObject,
});

const tags = ['openai'];
const conversation = { 200: { description: 'The conversation', schema: ConversationResource } };
const ofConversation = { tags, parameters: [idInPath('conversation_id'), CONTACT] };

export const conversationRoutes: readonly Route[] = [
  route.post('/v1/conversations', createConversation, {
    operationId: 'openai_create_conversation',
    summary: 'For OpenAI’s clients: make a thread',
    tags,
    request: ConversationBody,
    responses: conversation,
    errors: [400, 401, 413],
  }),
  route.get('/v1/conversations/:conversation_id', getConversation, {
    operationId: 'openai_get_conversation',
    summary: 'For OpenAI’s clients: a thread and its metadata',
    ...ofConversation,
    responses: conversation,
    errors: [401, 404],
  }),
  route.post('/v1/conversations/:conversation_id', updateConversation, {
    operationId: 'openai_update_conversation',
    summary: 'For OpenAI’s clients: replace the metadata of a thread',
    ...ofConversation,
    request: ConversationPatchBody,
    responses: conversation,
    errors: [400, 401, 404, 413],
  }),
  route.delete('/v1/conversations/:conversation_id', deleteConversation, {
    operationId: 'openai_delete_conversation',
    summary: 'For OpenAI’s clients: erase a thread',
    ...ofConversation,
    responses: {
      200: {
        description: 'It is erased',
        schema: deletedResource('conversation.deleted'),
      },
    },
    errors: [401, 404],
  }),
  ...itemRoutes,
];

/** An empty thread, or one that begins with these items. */
async function createConversation(api: ApiContext, call: Call): Promise<Response> {
  const { items, metadata } = parseBody(ConversationBody, (await call.body()) ?? {});
  const events = eventsIn(api, call, items ?? []);
  requireConfigSize(api, metadata ?? {});
  const own = metadata ? { metadata } : {};
  const member = writableMember(call.principal);
  const { thread } = await api.app.threads.ensure({
    contactId: callerOf(call, { metadata }) ?? NOBODY,
    threadConfig: {
      interface: INTERFACE,
      ...(member === undefined ? own : { [member]: own }),
    },
    events,
  });
  return json(call, conversationObject(call, thread));
}

async function getConversation(api: ApiContext, call: Call): Promise<Response> {
  return json(call, conversationObject(call, await conversationIn(api, call)));
}

/** Replaces its metadata. */
async function updateConversation(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await writableConversation(api, call);
  const { metadata } = parseBody(ConversationPatchBody, await call.body());
  requireConfigSize(api, metadata ?? {});
  const thread = await api.app.threads.mergeConfig(
    id,
    { metadata: metadata ?? {} },
    writableMember(call.principal),
  );
  if (!thread) throw notFound();
  return json(call, conversationObject(call, thread));
}

/** Erases the thread. */
async function deleteConversation(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await conversationIn(api, call);
  await api.app.threads.delete({ threadId: id });
  return json(call, { id: conversationId(id), object: 'conversation.deleted', deleted: true });
}

function conversationObject({ principal }: Call, { id, createdAt, config }: Thread): object {
  const { metadata } = configFor(principal, config);
  return {
    id: conversationId(id),
    object: 'conversation',
    created_at: Math.floor(Date.parse(createdAt) / 1000),
    metadata: isJsonObject(metadata) ? metadata : {},
  };
}
