import type { Server } from 'node:http';

import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions } from 'jims-core';

import type { ApiOptions } from '../../../jims-api/src/index.ts';
import { createHttpServer } from '../../../jims-api/src/server/node-server/http-server.ts';
import { recorder } from '../../../jims-api/test/support/recorder.ts';
import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';

const TIMES = { readerTimeoutMs: 60_000, requestTimeoutMs: 30_000, keepAliveTimeoutMs: 75_000 };
const { logger: silent } = recorder();

/** An app that is served with the playground at `/`. */
export interface ServedPlayground extends AsyncDisposable {
  readonly app: JimsApp;
  /** The address of its database. */
  readonly store: string;
  readonly origin: string;
}

export async function servePlayground(
  options: Omit<JimsAppOptions, 'store'>,
  apiOptions: ApiOptions = {},
): Promise<ServedPlayground> {
  const sqlite = freshSqlite();
  const app = defineApp({ ...options, store: sqlite.url });
  await app.open({ traces: true });
  const server: Server = createHttpServer(app, {
    ...TIMES,
    logger: silent,
    playground: true,
    ...apiOptions,
  });
  const port = await localPort(server);
  return {
    app,
    store: sqlite.url,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await app.close();
      sqlite[Symbol.dispose]();
    },
  };
}
