import { IncomingMessage, ServerResponse, createServer } from 'node:http';
import type { Server } from 'node:http';

import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { JimsApp, Logger, Metrics } from 'jims-core';
import { TIMER_MS, numberOptions, unfailing } from 'jims-core/host';

import { DEFAULT_HEARTBEAT_MS } from '../../http/sse/response.ts';
import { createSocketStreams } from '../../http/sse/socket.ts';
import { createHostedApi } from '../create-api.ts';
import type { ApiOptions } from '../create-api.ts';
import { boundUnreadBody } from './unread-body.ts';
import { answerUnreadable, unanswered, unreadableRequest } from './unreadable-requests.ts';

/** How long a server waits for its clients. */
export interface ClientTimeouts {
  /**
   * A client that reads nothing of its answer is cut off after this time, in milliseconds, and at the
   * latest after twice this time; default 60,000.
   */
  readonly readerTimeoutMs?: number;
  /** Milliseconds that a request may take to arrive, its body included; default 30,000. */
  readonly requestTimeoutMs?: number;
  /**
   * Milliseconds that an idle connection stays open; default 75,000. Let it be longer than a proxy in
   * front of the service keeps its connections, or the proxy will use one that has just been closed.
   */
  readonly keepAliveTimeoutMs?: number;
}

export interface HttpServerOptions extends ApiOptions, ClientTimeouts {
  readonly logger: Logger;
}

const TIMES = {
  readerTimeoutMs: TIMER_MS,
  requestTimeoutMs: TIMER_MS,
  // Node adds a second.
  keepAliveTimeoutMs: { least: 0, most: TIMER_MS.most - 1000 },
};
const OUTGOING = Symbol('outgoing');
/** It has its answer itself: a WeakMap between the two would keep requests until the next full collection. */
type ServedRequest = Request & { [OUTGOING]?: ServerResponse };

const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_CONNECTIONS_MS = 5000;

/** Puts an app behind Node's own HTTP server, which does not listen yet. */
export function createHttpServer(app: JimsApp, given: HttpServerOptions): Server {
  const options = { ...given, ...numberOptions(given, TIMES) };
  const { heartbeatMs = DEFAULT_HEARTBEAT_MS } = options;
  const { readerTimeoutMs = 60_000, requestTimeoutMs = 30_000 } = options;
  const { metrics } = app;
  const unreadable = { logger: unfailing(options.logger), metrics };
  const readersCut = readersCutOf(metrics);

  /** Resets the connection: a client must not take a part of the answer for the whole. */
  function cut(outgoing: ServerResponse): void {
    readersCut.count++;
    outgoing.socket?.resetAndDestroy();
  }

  const streams = createSocketStreams({ heartbeatMs, readerTimeoutMs, cut });
  const uploadPieceMs = requestTimeoutMs;
  const api = createHostedApi(
    app,
    { uploadPieceMs, ...options },
    {
      respond: streams.respond,
      cut({ [OUTGOING]: outgoing }: ServedRequest) {
        outgoing?.socket?.resetAndDestroy();
        return outgoing !== undefined;
      },
    },
  );
  const listener = getRequestListener(
    async (request: ServedRequest, { incoming, outgoing }) => {
      if (lacksHost(incoming)) return unreadableRequest(unreadable);
      if (outgoing instanceof ServerResponse) request[OUTGOING] = outgoing;
      const response = await api.fetch(request, { incoming });
      if (!(outgoing instanceof ServerResponse)) return response;
      if (incoming instanceof IncomingMessage) boundUnreadBody(incoming, outgoing);
      if (streams.send(response, outgoing)) return RESPONSE_ALREADY_SENT;
      // The time starts again whenever the network takes some of the waiting bytes.
      outgoing.setTimeout(readerTimeoutMs, () => {
        if (outgoing.writableLength > 0) cut(outgoing);
      });
      return response;
    },
    // HTTP/1.0 has no Host header: the health checks of load balancers send none.
    { hostname: 'localhost', errorHandler: (error) => unanswered(unreadable, error) },
  );

  const server = createServer(
    {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs ?? 75_000,
      connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
      // The listener refuses it instead: Node's own answer has no body and no request id.
      requireHostHeader: false,
      // Two Authorization headers must arrive as two, or the second could hide behind the first.
      joinDuplicateHeaders: true,
    },
    (request, response) => void listener(request, response),
  );
  // Node would answer expectations other than 100-continue with an empty refusal.
  server.on('checkExpectation', (request, response) => void listener(request, response));
  answerUnreadable(server, unreadable);
  return server;
}

interface ReadersCut {
  count: number;
}

/** Of all servers of an app: they share its metrics. */
const readersCutByApp = new WeakMap<Metrics, ReadersCut>();

function readersCutOf(metrics: Metrics): ReadersCut {
  const known = readersCutByApp.get(metrics);
  if (known) return known;
  const fresh = { count: 0 };
  readersCutByApp.set(metrics, fresh);
  const help = 'Connections cut because their client read nothing for too long';
  metrics.counter('jims_readers_cut_total', help, () => fresh.count);
  return fresh;
}

/** Only HTTP/1.0 may leave the Host header out. */
function lacksHost({
  headers,
  httpVersion,
}: Pick<IncomingMessage, 'headers' | 'httpVersion'>): boolean {
  return httpVersion === '1.1' && headers.host === undefined;
}
