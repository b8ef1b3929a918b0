import type { Thread } from 'jims-core';
import * as v from 'valibot';

import { HttpError, notFound } from '../../http/errors.ts';
import { jsonObject } from '../../http/fields.ts';
import { toEvent } from '../../http/history-thread.ts';
import { isJsonObject } from '../../http/json-object.ts';
import { NOBODY, callerOf } from '../../http/openai/caller.ts';
import { hexOf } from '../../http/openai/ids.ts';
import { json } from '../../http/route.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { largeJson } from '../../http/streamed-json.ts';
import { parseBody } from '../../http/validation.ts';
import { conversationItems } from './conversation-items.ts';
import type { ConversationItem } from './conversation-items.ts';
import { conversationId } from './ids.ts';
import { Item, saidIn } from './input.ts';
import { listOf, listPage } from './list-page.ts';
import { requireConversation } from './reach.ts';

/** The body of `POST /v1/conversations`. */
export const ConversationBody = v.pipe(
  v.object({
    items: v.pipe(v.nullish(v.array(Item)), v.description('What was said so far')),
    metadata: v.nullish(jsonObject),
  }),
  v.title('NewConversation'),
);

/** The body of `POST /v1/conversations/{conversation_id}`. */
export const ConversationPatchBody = v.pipe(
  v.object({ metadata: v.nullish(jsonObject) }),
  v.title('ConversationPatch'),
);

/** The body of `POST /v1/conversations/{conversation_id}/items`. */
export const NewItemsBody = v.pipe(v.object({ items: v.array(Item) }), v.title('NewItems'));

/** `POST /v1/conversations`: an empty thread, or one that begins with these items. */
export async function createConversation(api: ApiContext, call: Call): Promise<Response> {
  const { items, metadata } = parseBody(ConversationBody, (await call.body()) ?? {});
  const controller = await api.app.newThread({
    contactId: callerOf(call, { metadata }) ?? NOBODY,
    threadConfig: { interface: 'openai', ...(metadata && { metadata }) },
  });
  for (const event of saidIn(items ?? []).map(toEvent)) await controller.append(event);
  return json(call, conversationObject(controller.thread));
}

/** `GET /v1/conversations/{conversation_id}` */
export async function getConversation(api: ApiContext, call: Call): Promise<Response> {
  return json(call, conversationObject(await conversationIn(api, call)));
}

/** `POST /v1/conversations/{conversation_id}`: replaces its metadata. */
export async function updateConversation(api: ApiContext, call: Call): Promise<Response> {
  const { id, config } = await conversationIn(api, call);
  const { metadata } = parseBody(ConversationPatchBody, await call.body());
  const thread = await api.app.updateThreadConfig(id, { ...config, metadata: metadata ?? {} });
  if (!thread) throw notFound();
  return json(call, conversationObject(thread));
}

/** `DELETE /v1/conversations/{conversation_id}`: erases the thread. */
export async function deleteConversation(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await conversationIn(api, call);
  await api.app.deleteThreads({ threadId: id });
  return json(call, { id: conversationId(id), object: 'conversation.deleted', deleted: true });
}

/** `GET /v1/conversations/{conversation_id}/items` */
export async function listItems(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  return largeJson(call, await listPage(call, () => conversationItems(api.app, thread)));
}

/** `POST /v1/conversations/{conversation_id}/items`: what was said elsewhere. */
export async function createItems(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  const { items } = parseBody(NewItemsBody, await call.body());
  const controller = await api.app.thread(thread.id);
  if (!controller) throw notFound();
  const added: string[] = [];
  for (const event of saidIn(items).map(toEvent)) {
    added.push(hexOf((await controller.append(event)).id));
  }
  const own: ConversationItem[] = [];
  for await (const item of conversationItems(api.app, thread)) {
    if (added.some((eventId) => item.id.endsWith(eventId))) own.push(item);
  }
  return json(call, listOf(own));
}

/** `GET /v1/conversations/{conversation_id}/items/{item_id}` */
export async function getItem(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  const itemId = call.params['item_id'] ?? '';
  for await (const item of conversationItems(api.app, thread)) {
    if (item.id === itemId) return largeJson(call, item);
  }
  throw notFound(`Item with id '${itemId}' not found.`);
}

/** `DELETE /v1/conversations/{conversation_id}/items/{item_id}`: not to be had, as a thread only grows. */
export async function deleteItem(api: ApiContext, call: Call): Promise<never> {
  const { id } = await conversationIn(api, call);
  throw new HttpError(
    400,
    `Items cannot be deleted: delete conversation '${conversationId(id)}', or begin a new one with the items that are to stay.`,
    { code: 'items_not_deletable' },
  );
}

function conversationIn(api: ApiContext, call: Call): Promise<Thread> {
  const id = call.params['conversation_id'] ?? '';
  return requireConversation(api, call, { id, contact: callerOf(call) });
}

function conversationObject({ id, createdAt, config }: Thread): object {
  const { metadata } = config;
  return {
    id: conversationId(id),
    object: 'conversation',
    created_at: Math.floor(Date.parse(createdAt) / 1000),
    metadata: isJsonObject(metadata) ? metadata : {},
  };
}
