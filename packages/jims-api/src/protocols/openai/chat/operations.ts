import * as v from 'valibot';

import type { Operation } from '../../../http/operation.ts';
import { ChatCompletionBody } from './decode.ts';

const tags = ['openai'];
const text = v.string();

const Completion = v.pipe(
  v.object({
    id: text,
    object: v.literal('chat.completion'),
    created: v.pipe(v.number(), v.description('Seconds since 1970')),
    model: text,
    choices: v.array(
      v.object({
        index: v.number(),
        message: v.object({ role: v.literal('assistant'), content: text, refusal: v.null() }),
        logprobs: v.null(),
        finish_reason: v.literal('stop'),
      }),
    ),
    usage: v.object({
      prompt_tokens: v.number(),
      completion_tokens: v.number(),
      total_tokens: v.number(),
      prompt_tokens_details: v.object({ cached_tokens: v.number() }),
    }),
  }),
  v.title('ChatCompletion'),
);

const Model = v.pipe(
  v.object({ id: text, object: v.literal('model'), created: v.number(), owned_by: text }),
  v.title('Model'),
);

const headers: Operation['parameters'] = [
  { name: 'x-jims-thread-id', in: 'header', description: 'Continues this thread', schema: text },
  { name: 'x-jims-contact-id', in: 'header', description: 'Who talks', schema: text },
  {
    name: 'x-openwebui-chat-id',
    in: 'header',
    description:
      'A chat of the client’s, or x-conversation-id: its messages are compared with the thread’s',
    schema: text,
  },
  {
    name: 'x-jims-task',
    in: 'header',
    description: 'Not empty: a question beside the chat, in a thread that is thrown away',
    schema: text,
  },
  { name: 'x-jims-statuses', in: 'header', description: '`off`: no statuses', schema: text },
];

/** How the OpenAPI document describes this protocol. */
export const openAiChatOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/v1/chat/completions',
    operationId: 'openai_chat_completion',
    summary: 'For OpenAI’s clients: a chat completion',
    description:
      'Also below `/openai/v1`. With `stream: true` the answer is a stream of chunks. Errors are `{"error": {"message", "type", "param", "code"}}`.',
    tags,
    parameters: headers,
    request: ChatCompletionBody,
    responses: { 200: { description: 'The answer', schema: Completion } },
    errors: [400, 401, 404, 409, 413, 429, 500, 503, 504],
  },
  {
    method: 'GET',
    path: '/v1/models',
    operationId: 'openai_models',
    summary: 'For OpenAI’s clients: the app as a model',
    tags,
    responses: {
      200: {
        description: 'A list of one',
        schema: v.object({ object: v.literal('list'), data: v.array(Model) }),
      },
    },
    errors: [401],
  },
  {
    method: 'GET',
    path: '/v1/models/:model',
    operationId: 'openai_model',
    summary: 'For OpenAI’s clients: the app as a model of any name',
    tags,
    parameters: [
      { name: 'model', in: 'path', description: 'Its id', required: true, schema: text },
    ],
    responses: { 200: { description: 'The model', schema: Model } },
    errors: [401],
  },
];
