import * as v from 'valibot';

import { jsonObject } from '../../http/fields.ts';
import type { Operation, OperationParameter } from '../../http/operation.ts';
import { ConversationBody, ConversationPatchBody, NewItemsBody } from './conversations.ts';
import { ResponseBody } from './decode.ts';

const tags = ['openai'];
const text = v.string();

const ResponseResource = v.pipe(
  v.object({
    id: text,
    object: v.literal('response'),
    created_at: v.pipe(v.number(), v.description('Seconds since 1970')),
    status: v.picklist(['queued', 'in_progress', 'completed', 'failed', 'cancelled']),
    output: v.pipe(
      v.array(v.looseObject({ id: text, type: v.picklist(['message', 'reasoning']) })),
      v.description('One item for each message; in a stream statuses are reasoning'),
    ),
    error: v.nullable(v.object({ code: text, message: text })),
    metadata: v.pipe(jsonObject, v.description('What was given, and `thread_id`')),
    model: text,
    previous_response_id: v.nullable(text),
    conversation: v.nullable(v.object({ id: text })),
    usage: v.nullable(jsonObject),
  }),
  v.title('Response'),
);

const ConversationResource = v.pipe(
  v.object({
    id: text,
    object: v.literal('conversation'),
    created_at: v.number(),
    metadata: jsonObject,
  }),
  v.title('Conversation'),
);

const ItemResource = v.pipe(
  v.object({
    id: text,
    type: v.literal('message'),
    role: v.picklist(['user', 'assistant']),
    status: v.picklist(['completed', 'incomplete']),
    content: v.array(jsonObject),
  }),
  v.title('ConversationItem'),
);

const ItemList = v.pipe(
  v.object({
    object: v.literal('list'),
    data: v.array(ItemResource),
    first_id: v.nullable(text),
    last_id: v.nullable(text),
    has_more: v.boolean(),
  }),
  v.title('ConversationItemList'),
);

const inPath = (name: string): OperationParameter => ({
  name,
  in: 'path',
  required: true,
  description: 'Its id',
  schema: text,
});

const inQuery = (name: string, description: string): OperationParameter => ({
  name,
  in: 'query',
  description,
  schema: text,
});

const contact: OperationParameter = {
  name: 'x-jims-contact-id',
  in: 'header',
  description: 'Whose it is; anybody else’s is not found',
  schema: text,
};

const page = [
  inQuery('limit', '1 to 100, by default 20'),
  inQuery('order', '`desc` by default: newest first; or `asc`'),
  inQuery('after', 'The id of the last item of the page before'),
];

const response = { 200: { description: 'The response', schema: ResponseResource } };
const conversation = { 200: { description: 'The conversation', schema: ConversationResource } };
const items = { 200: { description: 'Items', schema: ItemList } };
const ofResponse = { tags, parameters: [inPath('response_id'), contact] };
const ofConversation = { tags, parameters: [inPath('conversation_id'), contact] };

/** How the OpenAPI document describes this protocol. */
export const openAiResponsesOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/responses',
    operationId: 'openai_response',
    summary: 'For OpenAI’s clients: a response',
    description:
      'Also below `/openai/v1`. With `stream: true` the answer is a stream of events. Errors are `{"error": {"message", "type", "param", "code"}}`.',
    tags,
    request: ResponseBody,
    responses: response,
    errors: [400, 401, 404, 409, 413, 429, 500, 503, 504],
  },
  {
    method: 'GET',
    path: '/v1/responses/:response_id',
    operationId: 'openai_get_response',
    summary: 'For OpenAI’s clients: a response as it is now',
    tags,
    parameters: [
      ...ofResponse.parameters,
      inQuery('stream', '`true`: its events, from the beginning, and those that come'),
      inQuery('starting_after', 'With `stream`: the events after this number'),
    ],
    responses: response,
    errors: [400, 401, 404],
  },
  {
    method: 'POST',
    path: '/v1/responses/:response_id/cancel',
    operationId: 'openai_cancel_response',
    summary: 'For OpenAI’s clients: stop a background response',
    ...ofResponse,
    responses: response,
    errors: [400, 401, 404],
  },
  {
    method: 'GET',
    path: '/v1/responses/:response_id/input_items',
    operationId: 'openai_input_items',
    summary: 'For OpenAI’s clients: what a response answers',
    tags,
    parameters: [...ofResponse.parameters, ...page],
    responses: items,
    errors: [400, 401, 404],
  },
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
        schema: v.object({
          id: text,
          object: v.literal('conversation.deleted'),
          deleted: v.literal(true),
        }),
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
