import * as v from 'valibot';

import {
  OpenAiModel,
  anthropicModel,
  anthropicModels,
  isAnthropicClient,
  openAiModel,
} from '../../../chat/app-as-model.ts';
import { json } from '../../../http/json-answer.ts';
import type { Route } from '../../../http/route.ts';

const tags = ['openai'];

/** The app as OpenAI's list of models. */
export const modelRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/models',
    doc: {
      operationId: 'openai_models',
      summary: 'For OpenAI’s clients: the app as a model',
      description: 'With the header `anthropic-version` in Anthropic’s form.',
      tags,
      responses: {
        200: {
          description: 'A list of one model',
          schema: v.object({ object: v.literal('list'), data: v.array(OpenAiModel) }),
        },
      },
      errors: [401],
    },
    handle: ({ app }, call) =>
      json(
        call,
        isAnthropicClient(call)
          ? anthropicModels(app)
          : { object: 'list', data: [openAiModel(app)] },
      ),
  },
  {
    method: 'GET',
    path: '/v1/models/:model',
    doc: {
      operationId: 'openai_model',
      summary: 'For OpenAI’s clients: the app as a model with any name',
      tags,
      parameters: [
        { name: 'model', in: 'path', description: 'Its id', required: true, schema: v.string() },
      ],
      responses: { 200: { description: 'The model', schema: OpenAiModel } },
      errors: [401],
    },
    handle: ({ app }, call) => {
      const { model } = call.params;
      return json(
        call,
        isAnthropicClient(call) ? anthropicModel(app, model) : openAiModel(app, model),
      );
    },
  },
];
