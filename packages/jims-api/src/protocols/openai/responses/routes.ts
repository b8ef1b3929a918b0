import type { Protocol } from '../../../http/route.ts';
import { openAiFallback, openAiRoutes } from '../shared/routes.ts';
import { conversationRoutes } from './conversations.ts';
import { responseRoutes, wire } from './responses.ts';

/** OpenAI's Responses and Conversations. */
export const openAiResponsesProtocol: Protocol = {
  routes: openAiRoutes([...responseRoutes, ...conversationRoutes]),
  fallback: openAiFallback,
  wire,
};
