import type { NewEvent, Thread } from 'jims-core';
import * as v from 'valibot';

import { configFor, withMember } from '../../../chat/client-config.ts';
import { toEvent } from '../../../chat/history-thread.ts';
import { requireConfigSize, requireMessageSize } from '../../../chat/sent-sizes.ts';
import { HttpError, notFound } from '../../../http/errors.ts';
import { hexOf } from '../../../http/fastapi/uuid.ts';
import { parseBody } from '../../../http/fastapi/validation.ts';
import { sentObject } from '../../../http/fields.ts';
import { isJsonObject } from '../../../http/json-object.ts';
import { list } from '../../../http/list.ts';
import { answerInTurn } from '../../../http/reading-turns.ts';
import { json } from '../../../http/route.ts';
import type { ApiContext, Call } from '../../../http/route.ts';
import { largeJson } from '../../../http/streamed-json.ts';
import { NOBODY, callerOf } from '../shared/caller.ts';
import { conversationItems } from './conversation-items.ts';
import type { ConversationItem } from './conversation-items.ts';
import { conversationId, eventHexOf } from './ids.ts';
import { Item, saidIn } from './input.ts';
import { listOf, listPage } from './list-page.ts';
import { requireConversation } from './reach.ts';

/** As many as OpenAI takes in one request. */
const MAX_ITEMS = 20;
/** What the config of a conversation says of where it came from. */
const INTERFACE = 'openai';

/** The body of `POST /v1/conversations`. */
export const ConversationBody = v.pipe(
  v.object({
    items: v.pipe(v.nullish(list(Item, MAX_ITEMS)), v.description('What was said so far')),
    metadata: v.nullish(sentObject),
  }),
  v.title('NewConversation'),
);

/** The body of `POST /v1/conversations/{conversation_id}`. */
export const ConversationPatchBody = v.pipe(
  v.object({ metadata: v.nullish(sentObject) }),
  v.title('ConversationPatch'),
);

/** The body of `POST /v1/conversations/{conversation_id}/items`. */
export const NewItemsBody = v.pipe(v.object({ items: list(Item, MAX_ITEMS) }), v.title('NewItems'));

/** `POST /v1/conversations`: an empty thread, or one that begins with these items. */
export async function createConversation(api: ApiContext, call: Call): Promise<Response> {
  const { items, metadata } = parseBody(ConversationBody, (await call.body()) ?? {});
  const events = eventsIn(api, call, items ?? []);
  requireConfigSize(api, metadata ?? {});
  const controller = await api.app.threads.getOrCreate({
    contactId: callerOf(call, { metadata }) ?? NOBODY,
    threadConfig: withMember(
      call.principal,
      { interface: INTERFACE },
      metadata ? { metadata } : {},
    ),
  });
  await controller.appendAll(events);
  return json(call, conversationObject(call, controller.thread));
}

/** `GET /v1/conversations/{conversation_id}` */
export async function getConversation(api: ApiContext, call: Call): Promise<Response> {
  return json(call, conversationObject(call, await conversationIn(api, call)));
}

/** `POST /v1/conversations/{conversation_id}`: replaces its metadata. */
export async function updateConversation(api: ApiContext, call: Call): Promise<Response> {
  const { id, config } = await writableConversation(api, call);
  const { metadata } = parseBody(ConversationPatchBody, await call.body());
  requireConfigSize(api, metadata ?? {});
  const thread = await api.app.threads.updateConfig(
    id,
    withMember(call.principal, config, { metadata: metadata ?? {} }),
  );
  if (!thread) throw notFound();
  return json(call, conversationObject(call, thread));
}

/** `DELETE /v1/conversations/{conversation_id}`: erases the thread. */
export async function deleteConversation(api: ApiContext, call: Call): Promise<Response> {
  const { id } = await conversationIn(api, call);
  await api.app.threads.delete({ threadId: id });
  return json(call, { id: conversationId(id), object: 'conversation.deleted', deleted: true });
}

/** `GET /v1/conversations/{conversation_id}/items` */
export async function listItems(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  return answerInTurn(api, call, async (end) =>
    largeJson(call, await listPage(call, () => conversationItems(api.app, thread)), end),
  );
}

/**
 * `POST /v1/conversations/{conversation_id}/items`: what was said outside JIMS; all of it, or nothing.
 *
 * @throws JimsError `thread_busy` while a run is not over: its answer would come after what was said later.
 */
export async function createItems(api: ApiContext, call: Call): Promise<Response> {
  const thread = await writableConversation(api, call);
  const { items } = parseBody(NewItemsBody, await call.body());
  const events = eventsIn(api, call, items);
  await (await api.app.threads.find(thread.id))?.appendAll(events, { whenIdle: true });
  const added = new Set(events.map(({ id }) => hexOf(id)));
  const own: ConversationItem[] = [];
  for await (const item of conversationItems(api.app, thread)) {
    if (added.has(eventHexOf(item.id))) own.push(item);
  }
  return json(call, listOf(own));
}

/** `GET /v1/conversations/{conversation_id}/items/{item_id}` */
export async function getItem(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  const itemId = call.params['item_id'] ?? '';
  return answerInTurn(api, call, async (end) => {
    for await (const item of conversationItems(api.app, thread)) {
      if (item.id === itemId) return largeJson(call, item, end);
    }
    throw notFound(`Item with id '${itemId}' not found.`);
  });
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

/**
 * What a user says is a message like any other; what the app said may be as long as it was.
 *
 * @throws HttpError 413 for a message that is too large; 403 for what the assistant said, by a contact:
 * that is the app's to say.
 */
function eventsIn(
  api: ApiContext,
  { principal }: Call,
  items: readonly v.InferOutput<typeof Item>[],
): NewEvent[] {
  const said = saidIn(items);
  for (const { role, content } of said) if (role === 'user') requireMessageSize(api, content);
  if (principal.kind === 'contact' && said.some(({ role }) => role === 'assistant')) {
    throw new HttpError(403, 'Items of the assistant can be added by services alone', {
      code: 'assistant_items_not_allowed',
    });
  }
  return said.map(toEvent);
}

/**
 * A conversation that the caller may write to outside a run.
 *
 * @throws HttpError 404 as for reading; 403 for a contact's thread of another protocol.
 */
async function writableConversation(api: ApiContext, call: Call): Promise<Thread> {
  const thread = await conversationIn(api, call);
  if (call.principal.kind === 'service' || thread.config['interface'] === INTERFACE) return thread;
  throw new HttpError(
    403,
    `Conversation '${conversationId(thread.id)}' was begun by another protocol: it can be continued, but not changed here`,
    { code: 'conversation_of_other_protocol' },
  );
}

function conversationIn(api: ApiContext, call: Call): Promise<Thread> {
  const id = call.params['conversation_id'] ?? '';
  return requireConversation(api, call, { id, contact: callerOf(call) });
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
