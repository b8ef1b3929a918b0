import type { ApiContext, Call, Protocol } from '../../../http/route.ts';
import { openAiElsewhere, openAiRoutes } from '../shared/routes.ts';
import { conversationOperations } from './conversation-operations.ts';
import {
  createConversation,
  createItems,
  deleteConversation,
  deleteItem,
  getConversation,
  getItem,
  listItems,
  updateConversation,
} from './conversations.ts';
import { deleteResponse } from './delete-response.ts';
import { responseOperations } from './response-operations.ts';
import { cancelResponse, createResponse, getResponse, listInputItems } from './responses.ts';

const RESPONSE = '/v1/responses/:response_id';
const CONVERSATION = '/v1/conversations/:conversation_id';

/** OpenAI's Responses and Conversations. */
export function openAiResponsesProtocol(api: ApiContext): Protocol {
  type Operation = (api: ApiContext, call: Call) => Promise<Response>;
  const on = (method: 'GET' | 'POST' | 'DELETE', path: string, operation: Operation) => ({
    method,
    path,
    handle: (call: Call) => operation(api, call),
  });
  return {
    name: 'openai-responses',
    operations: [...responseOperations, ...conversationOperations],
    fallback: openAiElsewhere,
    routes: openAiRoutes([
      on('POST', '/v1/responses', createResponse),
      on('GET', RESPONSE, getResponse),
      on('DELETE', RESPONSE, deleteResponse),
      { ...on('POST', `${RESPONSE}/cancel`, cancelResponse), bodyless: true },
      on('GET', `${RESPONSE}/input_items`, listInputItems),
      on('POST', '/v1/conversations', createConversation),
      on('GET', CONVERSATION, getConversation),
      on('POST', CONVERSATION, updateConversation),
      on('DELETE', CONVERSATION, deleteConversation),
      on('GET', `${CONVERSATION}/items`, listItems),
      on('POST', `${CONVERSATION}/items`, createItems),
      on('GET', `${CONVERSATION}/items/:item_id`, getItem),
      { ...on('DELETE', `${CONVERSATION}/items/:item_id`, deleteItem), alias: true },
    ]),
  };
}
