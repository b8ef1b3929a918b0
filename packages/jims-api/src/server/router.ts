import { Hono } from 'hono';

import { HttpError } from '../http/errors.ts';
import type { Route } from '../http/route.ts';
import type { Routed } from './dispatch.ts';

type Answer = (routed: Routed) => Promise<Response>;

/** A web-standard handler. */
export interface Router {
  fetch(request: Request): Promise<Response>;
}

/** Makes a handler of a list of routes; `fallback` answers what no route is for. */
export function createRouter(
  routes: readonly Route[],
  answer: Answer,
  fallback: (request: Request) => Promise<Response>,
): Router {
  // A slash at the end changes nothing: clients with a base URL add one.
  const hono = new Hono({ strict: false });
  for (const route of routes) {
    hono.on(route.method, route.path, (c) =>
      answer({ route, request: c.req.raw, params: c.req.param() }),
    );
  }
  const listed = routes.filter(({ unlisted }) => unlisted !== true);
  for (const [path, sharing] of Map.groupBy(listed, (route) => route.path)) {
    const route = wrongMethod(path, sharing);
    hono.all(path, (c) => answer({ route, request: c.req.raw, params: {} }));
  }
  hono.notFound((c) => fallback(c.req.raw));
  return { fetch: async (request) => hono.fetch(request) };
}

function wrongMethod(path: string, sharing: readonly Route[]): Route {
  // HEAD is GET without the body: Hono answers it by the GET route.
  const methods = sharing.flatMap(({ method }) => (method === 'GET' ? [method, 'HEAD'] : [method]));
  const allow = methods.join(', ');
  const encodeError = sharing[0]?.encodeError;
  return {
    method: 'GET',
    path,
    open: true,
    refuses: true,
    ...(encodeError && { encodeError }),
    handle() {
      throw new HttpError(405, 'Method Not Allowed', { headers: { allow } });
    },
  };
}
