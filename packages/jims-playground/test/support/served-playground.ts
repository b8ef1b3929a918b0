import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions } from 'jims-core';

import type { ApiOptions } from '../../../jims-api/src/index.ts';
import { createHttpServer } from '../../../jims-api/src/server/node-server/http-server.ts';
import { recorder } from '../../../jims-api/test/support/recorder.ts';
import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';
import { readAssets } from '../../src/assets.ts';

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TIMES = { readerTimeoutMs: 60_000, requestTimeoutMs: 30_000, keepAliveTimeoutMs: 75_000 };
const { logger: silent } = recorder();

/** An app that is served with the playground at `/`. */
export interface ServedPlayground extends AsyncDisposable {
  readonly app: JimsApp;
  readonly origin: string;
}

export async function servePlayground(
  options: Omit<JimsAppOptions, 'store'>,
  apiOptions: ApiOptions = {},
): Promise<ServedPlayground> {
  const sqlite = freshSqlite();
  const app = defineApp({ ...options, store: sqlite.url });
  await app.open({ traces: true });
  const api = createHttpServer(app, { ...TIMES, logger: silent, ...apiOptions });
  const apiPort = await localPort(api);
  const server = createServer((incoming, response) => void answer(incoming, response, apiPort));
  const port = await localPort(server);
  return {
    app,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      close(server);
      close(api);
      await app.close();
      sqlite[Symbol.dispose]();
    },
  };
}

function close(server: Server): void {
  server.closeAllConnections();
  server.close();
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  port: number,
): Promise<void> {
  const path = incoming.url ?? '';
  const name =
    path === '/'
      ? 'index.html'
      : path.startsWith('/playground/')
        ? path.slice('/playground/'.length)
        : undefined;
  const asset = name === undefined ? undefined : (await readAssets()).get(name);
  if (asset) {
    response
      .writeHead(200, { 'content-type': asset.type, 'content-security-policy': CSP })
      .end(asset.body);
    return;
  }
  const { method, headers } = incoming;
  const forwarded = request({ port, path, method, headers }, (answered) => {
    response.writeHead(answered.statusCode ?? 500, answered.headers);
    response.flushHeaders();
    answered.pipe(response);
  });
  forwarded.on('error', () => response.destroy());
  response.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}
