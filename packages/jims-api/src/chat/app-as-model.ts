// The app in the lists of models that clients of model APIs read.
import type { JimsApp } from 'jims-core';
import * as v from 'valibot';

import type { Call } from '../http/route.ts';
import { titled } from '../http/schema.ts';

export const OpenAiModel = titled('Model', {
  id: v.string(),
  object: v.literal('model'),
  created: v.number(),
  owned_by: v.string(),
});

export const AnthropicModel = titled('AnthropicModel', {
  type: v.literal('model'),
  id: v.string(),
  display_name: v.string(),
  created_at: v.string(),
});

const FIRST_SECOND = '1970-01-01T00:00:00Z';

/** Whether the client is one of Anthropic's: both APIs have their models at `/v1/models`. */
export function isAnthropicClient({ request }: Pick<Call, 'request'>): boolean {
  return request.headers.has('anthropic-version');
}

/** The app as a model, by any name: front ends have their own names for it. */
export function openAiModel(
  { name = 'jims' }: JimsApp,
  id: string = name,
): v.InferOutput<typeof OpenAiModel> {
  return { id, object: 'model', created: 0, owned_by: 'jims' };
}

/** As {@link openAiModel}, in Anthropic's form. */
export function anthropicModel(
  { name = 'jims' }: JimsApp,
  id: string = name,
): v.InferOutput<typeof AnthropicModel> {
  return { type: 'model', id, display_name: id, created_at: FIRST_SECOND };
}

/** The list of one model, in Anthropic's form. */
export function anthropicModels(app: JimsApp): object {
  const model = anthropicModel(app);
  return { data: [model], has_more: false, first_id: model.id, last_id: model.id };
}
