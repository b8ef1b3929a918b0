import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { getRequestListener } from '@hono/node-server';

import type { ApiOptions } from '../../src/index.ts';
import { testApi, testApiOn } from './api.ts';
import type { TestApi, TestAppOptions } from './api.ts';

/** An app behind a real port, for clients that bring their own fetch. */
export type ListeningApi = TestApi & { readonly origin: string };

/** Serves an app on a database of its own, or on that of `store`: then it is not removed. */
export async function listeningApi(
  options: TestAppOptions,
  { store, ...apiOptions }: ApiOptions & { readonly store?: string } = {},
): Promise<ListeningApi> {
  const api =
    store === undefined ? testApi(options, apiOptions) : testApiOn(store, options, apiOptions);
  const listener = getRequestListener(api.fetch);
  const server = createServer((request, response) => void listener(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...api,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await api[Symbol.asyncDispose]();
    },
  };
}
