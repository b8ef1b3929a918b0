import type { ErrorStatus, Operation } from '../../http/operation.ts';
import { DeepChatBody } from './decode.ts';

const tags = ['deep-chat'];
const errors: readonly ErrorStatus[] = [400, 401, 404, 409, 413, 422, 429, 503];

/** How the OpenAPI document describes this protocol. */
export const deepChatOperations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/deep-chat',
    operationId: 'deep_chat',
    summary: 'For the Deep Chat component: connect.url',
    tags,
    request: DeepChatBody,
    responses: { 200: { description: 'One message, or a list', example: { text: 'Hello' } } },
    errors: [...errors, 500, 504],
  },
  {
    method: 'POST',
    path: '/deep-chat/stream',
    operationId: 'deep_chat_stream',
    summary: 'For the Deep Chat component: connect.url with stream: true',
    tags,
    request: DeepChatBody,
    responses: {
      200: {
        description: 'Pieces of the answer',
        contentType: 'text/event-stream',
        example: 'data: {"text":"Hel"}\n\ndata: {"text":"lo"}\n\n',
      },
    },
    errors,
  },
];
