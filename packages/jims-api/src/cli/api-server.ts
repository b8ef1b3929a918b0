import { ServerResponse, createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';

import { getRequestListener } from '@hono/node-server';
import type { JimsApp } from 'jims-core';

import { DEFAULT_HEARTBEAT_MS, createHostedApi } from '../http/create-api.ts';
import type { ApiOptions } from '../http/create-api.ts';
import { createSocketStreams } from '../http/socket-streams.ts';

export interface ApiServerOptions extends ApiOptions {
  /** A client that reads nothing of its answer is cut off after so long, at most twice of it. */
  readonly readerTimeoutMs: number;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const CHECK_CONNECTIONS_MS = 5000;

/** Puts an app behind Node's own server, which does not listen yet. */
export function createApiServer(app: JimsApp, options: ApiServerOptions): Server {
  const streams = createSocketStreams(options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS);
  let cut = 0;
  const help = 'Connections cut because their client read nothing for too long';
  app.metrics.counter('jims_readers_cut_total', help, () => cut);
  const api = createHostedApi(app, options, streams.respond);
  const listener = getRequestListener(async (request, { outgoing }) => {
    const response = await api.fetch(request);
    return outgoing instanceof ServerResponse ? streams.send(response, outgoing) : response;
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await listener(request, response);
    // Most answers are gone by now.
    if (response.writableEnded && response.writableLength === 0) return;
    // Told when nothing came or went for so long: what the network takes of the bytes that wait counts.
    response.setTimeout(options.readerTimeoutMs, () => {
      if (response.writableLength === 0) return;
      cut++;
      // Cut and not closed: nobody is to take what arrived for the whole answer.
      response.socket?.resetAndDestroy();
    });
  }

  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
      // Two Authorization headers must be seen as two, or the second could hide behind the first.
      joinDuplicateHeaders: true,
    },
    (request, response) => void answer(request, response),
  );
  return server.once('close', () => streams.close());
}
