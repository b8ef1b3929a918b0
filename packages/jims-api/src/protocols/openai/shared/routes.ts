import * as v from 'valibot';

import { HttpError } from '../../../http/errors.ts';
import { aliasOf } from '../../../http/route.ts';
import type { Parameter, Route } from '../../../http/route.ts';
import { refuse } from './error.ts';

/** Routes below `/v1`, also below `/openai/v1`, with OpenAI's errors. */
export function openAiRoutes(routes: readonly Route[]): readonly Route[] {
  return routes.flatMap((bare) => {
    const route = { ...bare, encodeError: refuse };
    return [route, aliasOf(route, { path: `/openai${route.path}` })];
  });
}

/** Refuses unknown paths of OpenAI's in its words. */
export const openAiFallback: Route = {
  method: 'GET',
  path: '*',
  encodeError: refuse,
  handle(_, { request, path }) {
    throw new HttpError(404, `Unknown request URL: ${request.method} ${path}`, {
      code: 'unknown_url',
    });
  },
};

/** The id in a path. */
export const inPath = (name: string): Parameter => ({
  name,
  in: 'path',
  required: true,
  description: 'Its id',
  schema: v.string(),
});

export const inQuery = (name: string, description: string): Parameter => ({
  name,
  in: 'query',
  description,
  schema: v.string(),
});

/** Whose thing it is that the path names. */
export const CONTACT: Parameter = {
  name: 'x-jims-contact-id',
  in: 'header',
  description: 'The contact; what belongs to another contact is not found',
  schema: v.string(),
};

/** What is answered when a thing was erased. */
export const deletedResource = (object: string): v.GenericSchema =>
  v.object({ id: v.string(), object: v.literal(object), deleted: v.literal(true) });
