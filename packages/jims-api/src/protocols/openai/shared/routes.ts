import { HttpError } from '../../../http/errors.ts';
import type { Route } from '../../../http/route.ts';
import { refuse } from './error.ts';

type BareRoute = Omit<Route, 'encodeError'>;

/** Routes below `/v1`, also below `/openai/v1`, with OpenAI's errors. */
export function openAiRoutes(routes: readonly BareRoute[]): readonly Route[] {
  return routes.flatMap((route) => [
    { ...route, encodeError: refuse },
    { ...route, path: `/openai${route.path}`, encodeError: refuse, alias: true },
  ]);
}

/** The paths of OpenAI's that are not there, refused in its words. */
export const openAiElsewhere: Route = {
  method: 'GET',
  path: '*',
  encodeError: refuse,
  handle({ request, path }) {
    throw new HttpError(404, `Unknown request URL: ${request.method} ${path}`, {
      code: 'unknown_url',
    });
  },
};
