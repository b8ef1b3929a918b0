import type { JimsApp } from 'jims-core';
import * as v from 'valibot';

import { json } from '../../../http/json-answer.ts';
import type { Route } from '../../../http/route.ts';

const tags = ['openai'];

const Model = v.pipe(
  v.object({
    id: v.string(),
    object: v.literal('model'),
    created: v.number(),
    owned_by: v.string(),
  }),
  v.title('Model'),
);

/** The app as OpenAI's list of models. */
export const modelRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/models',
    doc: {
      operationId: 'openai_models',
      summary: 'For OpenAI’s clients: the app as a model',
      tags,
      responses: {
        200: {
          description: 'A list of one model',
          schema: v.object({ object: v.literal('list'), data: v.array(Model) }),
        },
      },
      errors: [401],
    },
    handle: ({ app }, call) => json(call, { object: 'list', data: [modelOf(app)] }),
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
      responses: { 200: { description: 'The model', schema: Model } },
      errors: [401],
    },
    handle: ({ app }, call) => json(call, modelOf(app, call.params['model'])),
  },
];

/** The app as a model, by any name: front ends have their own names for it. */
function modelOf({ name = 'jims' }: JimsApp, id: string = name): v.InferOutput<typeof Model> {
  return { id, object: 'model', created: 0, owned_by: 'jims' };
}
