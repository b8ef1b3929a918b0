import type { Protocol } from '../../../http/route.ts';
import { openAiFallback, openAiRoutes } from '../shared/routes.ts';
import { completionRoute, wire } from './completions.ts';
import { modelRoutes } from './models.ts';

/** OpenAI's Chat Completions (`/v1/chat/completions`) and its list of models. */
export const openAiChatProtocol: Protocol = {
  routes: openAiRoutes([completionRoute, ...modelRoutes]),
  fallback: openAiFallback,
  wire,
};
