import { IncomingMessage, ServerResponse, createServer } from 'node:http';
import type { Server } from 'node:http';

import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { JimsApp, Logger } from 'jims-core';

import { DEFAULT_HEARTBEAT_MS } from '../http/sse/response.ts';
import { createSocketStreams } from '../http/sse/socket.ts';
import { createHostedApi } from './create-api.ts';
import type { ApiOptions } from './create-api.ts';
import { boundUnreadBody } from './unread-body.ts';
import { answerUnreadable, unreadableRequest } from './unreadable-requests.ts';

export interface ApiServerOptions extends ApiOptions {
  /** A client that reads nothing of its answer is cut off after so long, at most twice of it. */
  readonly readerTimeoutMs: number;
  /** How long the body of a request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection stays open; longer than what a proxy before the service keeps it. */
  readonly keepAliveTimeoutMs: number;
  readonly logger: Logger;
}

const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_CONNECTIONS_MS = 5000;

/** Puts an app behind Node's own server, which does not listen yet. */
export function createApiServer(app: JimsApp, options: ApiServerOptions): Server {
  const { readerTimeoutMs, logger, heartbeatMs = DEFAULT_HEARTBEAT_MS } = options;
  let cutOff = 0;
  const help = 'Connections cut because their client read nothing for too long';
  app.metrics.counter('jims_readers_cut_total', help, () => cutOff);

  /** Not closed: nobody is to take what arrived for the whole answer. */
  function cut(outgoing: ServerResponse): void {
    cutOff++;
    outgoing.socket?.resetAndDestroy();
  }

  const streams = createSocketStreams({ heartbeatMs, readerTimeoutMs, cut });
  const api = createHostedApi(app, options, streams.respond);
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      if (lacksHost(incoming)) return unreadableRequest(logger);
      const response = await api.fetch(request, { incoming });
      if (!(outgoing instanceof ServerResponse)) return response;
      if (incoming instanceof IncomingMessage) boundUnreadBody(incoming, outgoing);
      if (streams.send(response, outgoing)) return RESPONSE_ALREADY_SENT;
      // Told when nothing came or went for so long: what the network takes of the bytes that wait counts.
      outgoing.setTimeout(readerTimeoutMs, () => {
        if (outgoing.writableLength > 0) cut(outgoing);
      });
      return response;
    },
    // HTTP/1.0 knows no Host header: the health checks of load balancers send none.
    { hostname: 'localhost', errorHandler: () => unreadableRequest(logger) },
  );

  const server = createServer(
    {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, options.requestTimeoutMs),
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
      // Refused by the listener: Node's own answer has no body and no request id.
      requireHostHeader: false,
      // Two Authorization headers must be seen as two, or the second could hide behind the first.
      joinDuplicateHeaders: true,
    },
    (request, response) => void listener(request, response),
  );
  // What a client expects beside 100-continue is not for us: Node would refuse it with an empty answer.
  server.on('checkExpectation', (request, response) => void listener(request, response));
  answerUnreadable(server, logger);
  return server.once('close', () => streams.close());
}

/** Only HTTP/1.0 may leave it out. */
function lacksHost({
  headers,
  httpVersion,
}: Pick<IncomingMessage, 'headers' | 'httpVersion'>): boolean {
  return httpVersion === '1.1' && headers.host === undefined;
}
