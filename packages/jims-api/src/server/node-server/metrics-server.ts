import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import type { Metrics } from 'jims-core';

import { isKnownHost } from '../hosts.ts';

/**
 * Serves metrics in Prometheus' text format, as the original does: on every path of a port of their own,
 * without authentication. `allowedHosts` are the names that requests may be sent to, besides those that
 * no stranger can own; `undefined` allows any. The server does not listen yet.
 */
export function createMetricsServer(
  metrics: Metrics,
  allowedHosts: readonly string[] | undefined,
): Server {
  return createServer((request, response) => {
    // A page on the web may point a name of its own at this address.
    if (allowedHosts && !isKnownHost(request.headers.host || 'localhost', allowedHosts)) {
      response.writeHead(403).end();
      return;
    }
    answer(metrics, request, response).catch((error: Error) => response.destroy(error));
  });
}

async function answer(
  metrics: Metrics,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const registry = await metrics.registry();
  const body = asPythonWritesIt(await registry.metrics());
  response.writeHead(200, {
    'content-type': registry.contentType,
    'content-length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The original's client library writes `le="1.0"`; queries that name a bucket rely on it. */
function asPythonWritesIt(text: string): string {
  return text.replaceAll(/\ble="(\d+)"/g, 'le="$1.0"');
}
