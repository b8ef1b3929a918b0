import * as v from 'valibot';

import type { ErrorStatus, Operation } from '../../http/operation.ts';
import { ChatCompletionBody } from './decode.ts';

const tags = ['openai'];
const errors: readonly ErrorStatus[] = [400, 401, 404, 409, 413, 429, 500, 503, 504];

const Model = v.pipe(
  v.object({
    id: v.string(),
    object: v.literal('model'),
    created: v.number(),
    owned_by: v.string(),
  }),
  v.title('Model'),
);

/** How the OpenAPI document describes this protocol. */
export const openAiChatOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/chat/completions',
    operationId: 'create_chat_completion',
    summary: 'OpenAI Chat Completions: set the base URL of any client to this service',
    description:
      'With `stream: true` the answer is chunks as Server-Sent Events. Errors are `{"error": {message, type, param, code}}`.',
    tags,
    request: ChatCompletionBody,
    responses: { 200: { description: 'The answer; with `stream` its chunks' } },
    errors,
  },
  {
    method: 'GET',
    path: '/v1/models',
    operationId: 'list_models',
    summary: 'The app, as a list of one model',
    tags,
    responses: {
      200: {
        description: 'One model',
        schema: v.object({ object: v.literal('list'), data: v.array(Model) }),
      },
    },
    errors: [401],
  },
  {
    method: 'GET',
    path: '/v1/models/:model',
    operationId: 'get_model',
    summary: 'The app, as a model of any name',
    tags,
    parameters: [
      {
        name: 'model',
        in: 'path',
        required: true,
        description: 'Any name',
        schema: v.string(),
      },
    ],
    responses: { 200: { description: 'The model', schema: Model } },
    errors: [401],
  },
];
