import type { Server } from 'node:http';

import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions, OpenOptions, Pipeline } from 'jims-core';

import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';
import type { ApiOptions } from '../../src/index.ts';
import { createHttpServer } from '../../src/server/node-server/http-server.ts';
import { recorder } from './recorder.ts';

/** An app that listens on a port of its own, for clients that speak HTTP. */
export interface ServedApp extends AsyncDisposable {
  readonly app: JimsApp;
  readonly origin: string;
  readonly server: Server;
}

export interface ServedAppOptions extends ApiOptions {
  readonly readerTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly limits?: OpenOptions['limits'];
  readonly fileLimits?: OpenOptions['fileLimits'];
  readonly traces?: OpenOptions['traces'];
  /** A database that others use, too; by default one of its own. */
  readonly store?: string;
}

const TIMES = { readerTimeoutMs: 60_000, requestTimeoutMs: 30_000, keepAliveTimeoutMs: 75_000 };
const { logger: silent } = recorder();

export async function serveApp(
  app: Pipeline | Omit<JimsAppOptions, 'store'>,
  { limits = {}, fileLimits, traces, store, ...options }: ServedAppOptions = {},
): Promise<ServedApp> {
  const own = store === undefined ? freshSqlite() : undefined;
  const jims = defineApp({
    ...('pipeline' in app ? app : { pipeline: app }),
    store: store ?? own?.url ?? '',
  });
  await jims.open({ limits, fileLimits, traces, logger: options.logger });
  const server = createHttpServer(jims, { ...TIMES, logger: silent, ...options });
  const port = await localPort(server);
  return {
    app: jims,
    origin: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await jims.close();
      own?.[Symbol.dispose]();
    },
  };
}
