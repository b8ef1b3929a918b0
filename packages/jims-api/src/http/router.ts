import { Hono } from 'hono';

import type { Routed } from './answer.ts';
import { HttpError } from './errors.ts';
import type { Route } from './route.ts';

type Answer = (routed: Routed) => Promise<Response>;

/** A web-standard handler over a list of routes. */
export interface Router {
  fetch(request: Request): Promise<Response>;
}

/** `elsewhere` answers what no route is for. */
export function createRouter(
  routes: readonly Route[],
  answer: Answer,
  elsewhere: (request: Request) => Promise<Response>,
): Router {
  const hono = new Hono();
  for (const route of routes) {
    hono.on(route.method, route.path, (c) =>
      answer({ route, request: c.req.raw, params: c.req.param() }),
    );
  }
  for (const [path, sharing] of Map.groupBy(routes, (route) => route.path)) {
    const route = wrongMethod(path, sharing);
    hono.all(path, (c) => answer({ route, request: c.req.raw, params: {} }));
  }
  hono.notFound((c) => elsewhere(c.req.raw));
  return { fetch: async (request) => hono.fetch(request) };
}

/** The route of a path that nobody has. */
export const NOWHERE: Route = {
  method: 'GET',
  path: '*',
  open: true,
  handle() {
    throw new HttpError(404, 'Not Found');
  },
};

/** HEAD is GET without the body: Hono answers it by the GET route. */
function wrongMethod(path: string, sharing: readonly Route[]): Route {
  const allow = sharing.map((route) => route.method).join(', ');
  const encodeError = sharing[0]?.encodeError;
  return {
    method: 'GET',
    path,
    open: true,
    ...(encodeError && { encodeError }),
    handle() {
      throw new HttpError(405, 'Method Not Allowed', { headers: { allow } });
    },
  };
}
