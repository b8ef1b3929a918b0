import type { Protocol } from '../../../http/route.ts';
import { openAiFallback, openAiRoutes } from '../shared/routes.ts';
import { compactRoute } from './compact.ts';
import { conversationRoutes } from './conversations.ts';
import { inputTokensRoute } from './input-tokens.ts';
import { responseRoutes, wire } from './responses.ts';

/** OpenAI's Responses and Conversations. */
export const openAiResponsesProtocol: Protocol = {
  routes: openAiRoutes([...responseRoutes, compactRoute, inputTokensRoute, ...conversationRoutes]),
  fallback: openAiFallback,
  wire,
};
