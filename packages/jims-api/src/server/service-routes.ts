import type { JimsApp } from 'jims-core';
import { cleanJson } from 'jims-core/host';

import { HttpError } from '../http/errors.ts';
import type { Operation } from '../http/operation.ts';
import { json } from '../http/route.ts';
import type { Call, Route } from '../http/route.ts';
import { openApiDocument } from './openapi.ts';
import { serviceOperations } from './service-operations.ts';

export interface ServiceRoutesOptions {
  readonly app: JimsApp;
  readonly version: string;
  /** Whether callers need a key: then the documentation needs one, too. */
  readonly secured: boolean;
  readonly maxMessageBytes: number;
  /** Where clients reach the service, where that is known. */
  readonly publicUrl?: string | undefined;
  readonly operations: () => Promise<readonly Operation[]>;
  readonly isDraining: () => boolean;
}

/** What every service has beside its protocols: is it alive, is it ready, what can it do. */
export function serviceRoutes(options: ServiceRoutesOptions): Route[] {
  const { app, version, secured, maxMessageBytes, publicUrl } = options;
  let document: Promise<string> | undefined;
  return [
    ...probe('/healthz', (call) => json(call, { status: 'ok' })),
    ...probe('/readyz', async (call) => {
      if (options.isDraining()) {
        throw new HttpError(503, 'The service is shutting down', { code: 'shutting_down' });
      }
      await app.ping();
      return json(call, { status: 'ready' });
    }),
    {
      method: 'GET',
      path: '/openapi.json',
      open: !secured,
      contactless: true,
      async handle(call) {
        const operations = [...serviceOperations, ...(await options.operations())];
        const terms = { version, secured, maxMessageBytes, publicUrl, operations };
        document ??= openApiDocument(terms).then(cleanJson);
        const headers = { ...call.headers, 'content-type': 'application/json' };
        return new Response(await document, { headers });
      },
    },
    {
      method: 'GET',
      // Where FastAPI has its other page of the same document.
      path: '/redoc',
      open: true,
      alias: true,
      handle: ({ headers, path }) =>
        new Response(null, {
          status: 307,
          headers: { ...headers, location: path.endsWith('/') ? '../docs' : 'docs' },
        }),
    },
    {
      method: 'GET',
      path: '/docs',
      open: !secured,
      contactless: true,
      handle: (call) => docs(call, 200),
      // The page itself tells nothing, and a browser has no other way to be asked for a key.
      encodeError: ({ status }, call) => docs(call, status),
    },
  ];
}

/** Load balancers ask by OPTIONS, too: HAProxy does unless it is given another method. */
function probe(path: string, handle: Route['handle']): Route[] {
  const route = { path, open: true, probe: true, handle };
  return [
    { ...route, method: 'GET' },
    { ...route, method: 'OPTIONS', alias: true },
  ];
}

async function docs({ headers }: Pick<Call, 'headers'>, status: number): Promise<Response> {
  const { DOCS_HEADERS, DOCS_PAGE } = await import('./docs/page.ts');
  return new Response(DOCS_PAGE, { status, headers: { ...headers, ...DOCS_HEADERS } });
}
