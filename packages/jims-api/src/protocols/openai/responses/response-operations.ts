import * as v from 'valibot';

import { jsonObject } from '../../../http/fields.ts';
import type { Operation } from '../../../http/operation.ts';
import { ResponseBody } from './decode.ts';
import {
  ItemList,
  contact,
  deletedResource,
  inPath,
  inQuery,
  page,
  tags,
} from './operation-parts.ts';

const text = v.string();

const ResponseResource = v.pipe(
  v.object({
    id: text,
    object: v.literal('response'),
    created_at: v.pipe(v.number(), v.description('Seconds since 1970')),
    completed_at: v.nullable(v.number()),
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

const response = { 200: { description: 'The response', schema: ResponseResource } };
const ofResponse = { tags, parameters: [inPath('response_id'), contact] };
const items = { 200: { description: 'Items', schema: ItemList } };

/** How the OpenAPI document describes responses. */
export const responseOperations: readonly Operation[] = [
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
    errors: [400, 401, 404, 429, 503],
  },
  {
    method: 'DELETE',
    path: '/v1/responses/:response_id',
    operationId: 'openai_delete_response',
    summary: 'For OpenAI’s clients: erase a response that is all of its thread',
    ...ofResponse,
    responses: {
      200: { description: 'It is erased', schema: deletedResource('response.deleted') },
    },
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
];
