import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import type { Metrics } from 'jims-core';

import { isKnownHost } from '../../server/hosts.ts';
import { listen } from '../../server/listen.ts';

export interface MetricsServerOptions {
  readonly metrics: Metrics;
  readonly host: string;
  readonly port: number;
  /** Names that requests may be sent to, beside those that no stranger can own; `undefined`: any. */
  readonly allowedHosts: readonly string[] | undefined;
  /** The option that the host comes from. */
  readonly hostOption: string;
}

/**
 * Serves the metrics in Prometheus' text form, as the original does: on every path of a port of
 * their own, without authentication.
 *
 * @throws PortError when the port cannot be had.
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<Server> {
  const { metrics, allowedHosts, ...address } = options;
  const server = createServer((request, response) => {
    // A page on the web may lead its own name here.
    if (allowedHosts && !isKnownHost(request.headers.host || 'localhost', allowedHosts)) {
      response.writeHead(403).end();
      return;
    }
    answer(metrics, request, response).catch((error: Error) => response.destroy(error));
  });
  await listen(server, { ...address, portOption: '--metrics-port' });
  return server;
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
