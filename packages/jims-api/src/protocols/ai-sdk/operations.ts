import * as v from 'valibot';

import type { ErrorStatus, Operation, OperationParameter } from '../../http/operation.ts';
import { AiSdkBody } from './decode.ts';

const tags = ['ai-sdk'];
const errors: readonly ErrorStatus[] = [400, 401, 404, 409, 413, 422, 429, 503];

const STREAM = {
  description: 'UI message stream, version 1',
  contentType: 'text/event-stream',
  example:
    'data: {"type":"start","messageId":"…"}\n\n' +
    'data: {"type":"text-start","id":"t"}\n\n' +
    'data: {"type":"text-delta","id":"t","delta":"Hello"}\n\n' +
    'data: {"type":"text-end","id":"t"}\n\n' +
    'data: {"type":"finish","finishReason":"stop"}\n\n' +
    'data: [DONE]\n\n',
};

const ofAChat: readonly OperationParameter[] = [
  { name: 'id', in: 'path', description: 'As the client names the chat', schema: v.string() },
  {
    name: 'x-jims-contact-id',
    in: 'header',
    required: false,
    description: 'Whose chat it is; or `contact_id` in the query',
    schema: v.string(),
  },
];

/** How the OpenAPI document describes this protocol; `/api/chat` is the same. */
export const aiSdkOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/ai-sdk/chat',
    operationId: 'ai_sdk_chat',
    summary: 'For the AI SDK: the api of a DefaultChatTransport',
    description: 'Errors are plain text. `/api/chat` is the same.',
    tags,
    request: AiSdkBody,
    responses: { 200: STREAM },
    errors,
  },
  {
    method: 'GET',
    path: '/ai-sdk/chat/:id',
    operationId: 'ai_sdk_messages',
    summary: 'What was said in a chat, for the messages of useChat',
    tags,
    parameters: ofAChat,
    responses: {
      200: {
        description: 'UI messages',
        schema: v.object({ messages: v.array(v.looseObject({})) }),
      },
    },
    errors: [401, 404],
  },
  {
    method: 'GET',
    path: '/ai-sdk/chat/:id/stream',
    operationId: 'ai_sdk_resume',
    summary: 'The answer that is being given, from its beginning: useChat({ resume: true })',
    tags,
    parameters: ofAChat,
    responses: { 200: STREAM, 204: { description: 'Nothing is being answered' } },
    errors: [401, 404, 429, 503],
  },
  {
    method: 'DELETE',
    path: '/ai-sdk/chat/:id/stream',
    operationId: 'ai_sdk_stop',
    summary: 'Stops the answer that is being given',
    tags,
    parameters: ofAChat,
    responses: { 204: { description: 'Nothing is being answered any more' } },
    errors: [401, 404],
  },
];
