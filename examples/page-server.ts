// What the examples with pages need: a few files and the app's API, from one origin.
import { once } from 'node:events';
import { createServer } from 'node:http';

import { getRequestListener } from '@hono/node-server';
import { createApi } from 'jims-api';
import type { JimsApp } from 'jims-core';

export interface PageFile {
  readonly type: 'text/html' | 'text/css' | 'text/javascript';
  readonly body: string;
}

export interface PageServer extends AsyncDisposable {
  readonly origin: string;
}

/** Serves `files` by their paths, and everything else by the app. */
export async function servePage(
  app: JimsApp,
  files: Readonly<Record<string, PageFile>>,
  port: number,
): Promise<PageServer> {
  // Open to everybody on this machine: no page on the web may lead its own name here.
  const api = createApi(app, { allowedHosts: [] });

  async function answer(request: Request): Promise<Response> {
    const file = files[new URL(request.url).pathname];
    if (!file) return api(request);
    const headers = { 'content-type': `${file.type}; charset=utf-8`, 'cache-control': 'no-cache' };
    return new Response(file.body, { headers });
  }

  const listener = getRequestListener(answer);
  const server = createServer((request, response) => void listener(request, response));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const open = typeof address === 'object' && address ? address.port : port;
  return {
    origin: `http://127.0.0.1:${open}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await app.close();
    },
  };
}
