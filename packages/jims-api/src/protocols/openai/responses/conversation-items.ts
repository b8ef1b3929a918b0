import type { NewEvent } from 'jims-core';
import type * as v from 'valibot';

import { toEvent } from '../../../chat/client-history.ts';
import { fileAddress } from '../../../chat/file-address.ts';
import { requireMessageSize } from '../../../chat/sent-limits.ts';
import { HttpError, notFound } from '../../../http/errors.ts';
import { hexOf } from '../../../http/fastapi/uuid.ts';
import { parseBody } from '../../../http/fastapi/validation.ts';
import { json, largeJson } from '../../../http/json-answer.ts';
import { list } from '../../../http/list.ts';
import { answerInTurn } from '../../../http/reading-turns.ts';
import { route } from '../../../http/route.ts';
import type { ApiContext, Call, Route } from '../../../http/route.ts';
import { titled } from '../../../http/schema.ts';
import { conversationId, eventHexOf } from '../shared/ids.ts';
import { CONTACT, idInPath } from '../shared/routes.ts';
import { isCompaction } from './compaction.ts';
import { Item, saidIn } from './input.ts';
import { ItemList, ItemResource, PAGE, conversationItems, listOf, listPage } from './items.ts';
import type { ConversationItem } from './items.ts';
import { conversationIn, writableConversation } from './reach.ts';

/** As many as OpenAI takes in one request. */
export const MAX_ITEMS = 20;

const NewItemsBody = titled('NewItems', { items: list(Item, MAX_ITEMS) });

const tags = ['openai'];
const ofConversation = { tags, parameters: [idInPath('conversation_id'), CONTACT] };
const responses = { 200: { description: 'Items', schema: ItemList } };

export const itemRoutes: readonly Route[] = [
  route.get('/v1/conversations/:conversation_id/items', listItems, {
    operationId: 'openai_list_items',
    summary: 'For OpenAI’s clients: the messages of a thread',
    tags,
    parameters: [...ofConversation.parameters, ...PAGE],
    responses,
    errors: [400, 401, 404],
  }),
  route.post('/v1/conversations/:conversation_id/items', createItems, {
    operationId: 'openai_create_items',
    summary: 'For OpenAI’s clients: add messages to a thread; nothing runs',
    ...ofConversation,
    request: NewItemsBody,
    responses,
    errors: [400, 401, 404, 413],
  }),
  route.get('/v1/conversations/:conversation_id/items/:item_id', getItem, {
    operationId: 'openai_get_item',
    summary: 'For OpenAI’s clients: one message of a thread',
    tags,
    parameters: [...ofConversation.parameters, idInPath('item_id')],
    responses: { 200: { description: 'The item', schema: ItemResource } },
    errors: [401, 404],
  }),
  {
    method: 'DELETE',
    path: '/v1/conversations/:conversation_id/items/:item_id',
    handle: deleteItem,
  },
];

async function listItems(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  const addressOf = fileAddress(api, call);
  return answerInTurn(api, call, async (end) =>
    largeJson(
      call,
      await listPage(call, () => conversationItems(api.app, { thread, addressOf })),
      end,
    ),
  );
}

/**
 * Adds what was said outside JIMS; all of it, or nothing.
 *
 * @throws JimsError `thread_busy` while a run is not over: its answer would come after what was said later.
 */
async function createItems(api: ApiContext, call: Call): Promise<Response> {
  const thread = await writableConversation(api, call);
  const { items } = parseBody(NewItemsBody, await call.body());
  const events = eventsIn(api, call, items);
  await (await api.app.threads.find(thread.id))?.appendAll(events, { whenIdle: true });
  const added = new Set(events.map(({ id }) => hexOf(id)));
  const addressOf = fileAddress(api, call);
  const own: ConversationItem[] = [];
  for await (const item of conversationItems(api.app, { thread, addressOf })) {
    if (added.has(eventHexOf(item.id))) own.push(item);
  }
  return json(call, listOf(own));
}

async function getItem(api: ApiContext, call: Call): Promise<Response> {
  const thread = await conversationIn(api, call);
  const addressOf = fileAddress(api, call);
  const itemId = call.params['item_id'] ?? '';
  return answerInTurn(api, call, async (end) => {
    for await (const item of conversationItems(api.app, { thread, addressOf })) {
      if (item.id === itemId) return largeJson(call, item, end);
    }
    throw notFound(`Item with id '${itemId}' not found.`);
  });
}

/** Always refused, as a thread only grows. */
async function deleteItem(api: ApiContext, call: Call): Promise<never> {
  const { id } = await conversationIn(api, call);
  const reason = `Items cannot be deleted: delete conversation '${conversationId(id)}', or begin a new one with the items that are to stay.`;
  throw new HttpError(400, reason, { code: 'items_not_deletable' });
}

/**
 * Items as events. Only messages of the user have a size limit.
 *
 * @throws HttpError 413 for a message that is too large; 400 for files and compactions, which only a run takes; 403 when a contact adds messages of the
 * assistant, which only the app may write.
 */
export function eventsIn(
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
  if (said.some(({ files = [] }) => files.length > 0)) {
    const reason =
      'Items with files cannot be added to a conversation: send them as the input of a response';
    throw new HttpError(400, reason, { code: 'files_need_response' });
  }
  if (items.some(isCompaction)) {
    const reason =
      'A compaction cannot be added to a conversation: send it in the input of a response';
    throw new HttpError(400, reason, { code: 'compaction_needs_response' });
  }
  return said.map(toEvent);
}
