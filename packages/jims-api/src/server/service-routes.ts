import { cleanJson } from 'jims-core/host';
import * as v from 'valibot';

import { HttpError } from '../http/errors.ts';
import { json } from '../http/json-answer.ts';
import { aliasOf, route } from '../http/route.ts';
import type { Call, Protocol, Route } from '../http/route.ts';
import { packageVersion } from '../version.ts';
import type { CodeFeed } from './code-feed.ts';
import { codeRoute } from './code-route.ts';
import { openApiDocument } from './openapi.ts';
import { pageRoutes } from './pages/page-routes.ts';
import type { PageOptions } from './pages/page-routes.ts';

export interface ServiceRoutesOptions extends PageOptions {
  /** Whether callers need a key: then the documentation needs one, too. */
  readonly secured: boolean;
  /** What the documentation describes beside these routes. */
  readonly protocols: () => Promise<readonly Protocol[]>;
  readonly isDraining: () => boolean;
  /** Of an app that is being developed. */
  readonly code: CodeFeed | undefined;
  /** Those that are about all protocols. */
  readonly own?: readonly Route[];
}

const tags = ['service'];

/** The routes that every service has beside its protocols: for probes, and the documentation. */
export function serviceRoutes(options: ServiceRoutesOptions): readonly Route[] {
  const { secured, protocols, isDraining, code, own = [] } = options;
  const described = async (): Promise<readonly Route[]> => {
    const others = await protocols();
    return [...routes, ...others.flatMap((protocol) => protocol.routes)];
  };
  const routes = [
    HEALTH,
    readiness(isDraining),
    openApi(secured, described),
    docs(secured),
    REDOC,
    ...pageRoutes(options),
    ...(code ? [codeRoute(code)] : []),
    ...own,
  ].flatMap((each) =>
    // Load balancers ask by OPTIONS, too: HAProxy does unless it is given another method.
    each.probe ? [each, aliasOf(each, { method: 'OPTIONS' })] : [each],
  );
  return routes;
}

const HEALTH: Route = route.get(
  '/healthz',
  (_, call) => json(call, { status: 'ok' }),
  {
    operationId: 'health',
    summary: 'Whether the process is up',
    tags,
    responses: {
      200: { description: 'It is up', schema: v.object({ status: v.literal('ok') }) },
    },
  },
  { open: true, probe: true },
);

function readiness(isDraining: () => boolean): Route {
  return {
    method: 'GET',
    path: '/readyz',
    doc: {
      operationId: 'ready',
      summary: 'Whether the service is ready for requests',
      description:
        'Checks the database; 503 when it does not answer, and while the service is shutting down.',
      tags,
      responses: {
        200: { description: 'It is ready', schema: v.object({ status: v.literal('ready') }) },
      },
      errors: [503],
    },
    open: true,
    probe: true,
    async handle({ app }, call) {
      if (isDraining()) {
        throw new HttpError(503, 'The service is shutting down', { code: 'shutting_down' });
      }
      await app.ping();
      return json(call, { status: 'ready' });
    },
  };
}

function openApi(secured: boolean, described: () => Promise<readonly Route[]>): Route {
  let document: Promise<string> | undefined;
  return {
    method: 'GET',
    path: '/openapi.json',
    doc: {
      operationId: 'openapi',
      summary: 'This document',
      tags,
      responses: { 200: { description: 'A document of OpenAPI 3.1', schema: v.looseObject({}) } },
      errors: [401],
    },
    open: !secured,
    contactless: true,
    async handle({ maxMessageBytes, publicUrl }, call) {
      const routes = await described();
      const version = packageVersion();
      const options = { version, secured, maxMessageBytes, publicUrl, routes };
      document ??= openApiDocument(options).then(cleanJson);
      const headers = { ...call.headers, 'content-type': 'application/json' };
      return new Response(await document, { headers });
    },
  };
}

function docs(secured: boolean): Route {
  return route.get(
    '/docs',
    (_, call) => docsPage(call, 200),
    {
      operationId: 'docs',
      summary: 'This document as a page',
      tags,
      responses: { 200: { description: 'A page', contentType: 'text/html', schema: v.string() } },
      errors: [401],
    },
    {
      open: !secured,
      contactless: true,
      // The page itself reveals nothing, and it is where people enter their key.
      encodeError: ({ status }, call) => docsPage(call, status),
    },
  );
}

async function docsPage({ headers }: Pick<Call, 'headers'>, status: number): Promise<Response> {
  const { DOCS_HEADERS, DOCS_PAGE } = await import('./docs/page.ts');
  return new Response(DOCS_PAGE, { status, headers: { ...headers, ...DOCS_HEADERS } });
}

/** Where FastAPI has its other page of the same document. */
const REDOC: Route = {
  method: 'GET',
  path: '/redoc',
  open: true,
  handle: (_, { headers, path }) =>
    new Response(null, {
      status: 307,
      headers: { ...headers, location: path.endsWith('/') ? '../docs' : 'docs' },
    }),
};
