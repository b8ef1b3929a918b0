import { createServer } from 'node:http';

import { getRequestListener } from '@hono/node-server';
import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions, OpenOptions, Pipeline } from 'jims-core';

import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';
import { createApi } from '../../src/index.ts';
import type { ApiOptions } from '../../src/index.ts';

/** An app that listens on a port of its own, for clients that speak HTTP. */
export interface ServedApp extends AsyncDisposable {
  readonly app: JimsApp;
  readonly origin: string;
}

export interface ServedAppOptions extends ApiOptions {
  readonly limits?: OpenOptions['limits'];
  /** A database that others use, too; by default one of its own. */
  readonly store?: string;
}

export async function serveApp(
  app: Pipeline | Omit<JimsAppOptions, 'store'>,
  { limits = {}, store, ...options }: ServedAppOptions = {},
): Promise<ServedApp> {
  const own = store === undefined ? freshSqlite() : undefined;
  const jims = defineApp({
    ...('pipeline' in app ? app : { pipeline: app }),
    store: store ?? own?.url ?? '',
  });
  await jims.open({ limits });
  const api = createApi(jims, options);
  const listener = getRequestListener(api.fetch);
  const server = createServer((request, response) => void listener(request, response));
  const port = await localPort(server);
  return {
    app: jims,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await jims.close();
      own?.[Symbol.dispose]();
    },
  };
}
