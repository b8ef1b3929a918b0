import * as v from 'valibot';

import { jsonObject } from '../../../http/fields.ts';
import type { Operation } from '../../../http/operation.ts';
import { ConversationBody, ConversationPatchBody, NewItemsBody } from './conversations.ts';
import {
  ItemList,
  ItemResource,
  contact,
  deletedResource,
  inPath,
  page,
  tags,
} from './operation-parts.ts';

const text = v.string();

const ConversationResource = v.pipe(
  v.object({
    id: text,
    object: v.literal('conversation'),
    created_at: v.number(),
    metadata: jsonObject,
  }),
  v.title('Conversation'),
);

const conversation = { 200: { description: 'The conversation', schema: ConversationResource } };
const items = { 200: { description: 'Items', schema: ItemList } };
const ofConversation = { tags, parameters: [inPath('conversation_id'), contact] };

/** How the OpenAPI document describes conversations. */
export const conversationOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/conversations',
    operationId: 'openai_create_conversation',
    summary: 'For OpenAI’s clients: a thread',
    tags,
    request: ConversationBody,
    responses: conversation,
    errors: [400, 401, 413],
  },
  {
    method: 'GET',
    path: '/v1/conversations/:conversation_id',
    operationId: 'openai_get_conversation',
    summary: 'For OpenAI’s clients: a thread and its metadata',
    ...ofConversation,
    responses: conversation,
    errors: [401, 404],
  },
  {
    method: 'POST',
    path: '/v1/conversations/:conversation_id',
    operationId: 'openai_update_conversation',
    summary: 'For OpenAI’s clients: other metadata for a thread',
    ...ofConversation,
    request: ConversationPatchBody,
    responses: conversation,
    errors: [400, 401, 404, 413],
  },
  {
    method: 'DELETE',
    path: '/v1/conversations/:conversation_id',
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
  },
  {
    method: 'GET',
    path: '/v1/conversations/:conversation_id/items',
    operationId: 'openai_list_items',
    summary: 'For OpenAI’s clients: what was said',
    tags,
    parameters: [...ofConversation.parameters, ...page],
    responses: items,
    errors: [400, 401, 404],
  },
  {
    method: 'POST',
    path: '/v1/conversations/:conversation_id/items',
    operationId: 'openai_create_items',
    summary: 'For OpenAI’s clients: add what was said elsewhere; nothing runs',
    ...ofConversation,
    request: NewItemsBody,
    responses: items,
    errors: [400, 401, 404, 413],
  },
  {
    method: 'GET',
    path: '/v1/conversations/:conversation_id/items/:item_id',
    operationId: 'openai_get_item',
    summary: 'For OpenAI’s clients: one thing that was said',
    tags,
    parameters: [...ofConversation.parameters, inPath('item_id')],
    responses: { 200: { description: 'The item', schema: ItemResource } },
    errors: [401, 404],
  },
];
