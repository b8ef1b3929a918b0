import * as v from 'valibot';

import { HttpError } from '../../../http/errors.ts';
import { inHeader, inPath } from '../../../http/parameters.ts';
import { refusingBy, withAliases } from '../../../http/route.ts';
import type { Parameter, Route } from '../../../http/route.ts';
import { refuse } from './error.ts';

/** Routes below `/v1`, also below `/openai/v1`, with OpenAI's errors. */
export function openAiRoutes(routes: readonly Route[]): readonly Route[] {
  return withAliases(refusingBy(refuse, routes), (path) => `/openai${path}`);
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
export const idInPath = (name: string): Parameter => inPath(name, 'Its id', v.string());

/** Whose thing it is that the path names. */
export const CONTACT: Parameter = inHeader(
  'x-jims-contact-id',
  'The contact; what belongs to another contact is not found',
);

/** What is answered when a thing was erased. */
export const deletedResource = (object: string): v.GenericSchema =>
  v.object({ id: v.string(), object: v.literal(object), deleted: v.literal(true) });
