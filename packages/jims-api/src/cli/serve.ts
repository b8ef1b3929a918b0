import type { Server } from 'node:http';

import type { JimsApp, OpenOptions } from 'jims-core';
import type { Logger } from 'pino';

import { createApiServer } from '../server/api-server.ts';
import { isLoopback } from '../server/hosts.ts';
import { listen } from '../server/listen.ts';
import type { ServeOptions } from './options/options.ts';
import { startMetricsServer } from './reporting/metrics-server.ts';
import { noticeWaiting } from './reporting/notice-waiting.ts';

/** A service that listens. */
export interface Service {
  /** For the log: where it listens, and where threads are kept. */
  readonly address: {
    readonly host: string;
    readonly port: number;
    readonly metricsPort: number;
    readonly store: string;
  };
  /** Refuses new work, lets runs finish or stops them, closes the ports and the store. */
  stop(): Promise<void>;
}

const LAST_ANSWERS_MS = 1000;

/** How the app is opened. */
export function openOptions(
  { limits, db, schema, traceContent }: ServeOptions,
  { logger, onRunFailed }: Pick<OpenOptions, 'onRunFailed'> & { readonly logger: Logger },
): OpenOptions {
  return {
    logger,
    limits,
    ...(traceContent && { traceContent }),
    ...(onRunFailed && { onRunFailed }),
    ...(db !== undefined && { store: db }),
    ...(schema !== undefined && { schema }),
  };
}

/**
 * Opens the app's store and serves the app.
 *
 * @throws JimsError when the store cannot be used, PortError when a port cannot be had.
 */
export async function serve(
  app: JimsApp,
  options: ServeOptions & { readonly open: OpenOptions },
  logger: Logger,
): Promise<Service> {
  const { host, port } = options;
  let draining = false;
  const server = createApiServer(app, { ...options, logger, isDraining: () => draining });
  logger.debug('opening the store');
  const opening = app.open(options.open);
  const { storeDescription } = await noticeWaiting(opening, () =>
    logger.warn('still opening the store: the database does not answer, or something holds a lock'),
  );
  logger.debug({ store: storeDescription }, 'the store is open, its tables are up to date');
  const metricsHost = options.metricsHost ?? host;
  const metrics = await startMetricsServer({
    metrics: app.metrics,
    host: metricsHost,
    allowedHosts: isLoopback(metricsHost) ? (options.allowedHosts ?? []) : undefined,
    hostOption: options.metricsHost === undefined ? '--host' : '--metrics-host',
    port: options.metricsPort,
  });
  await listen(server, { host, port, hostOption: '--host', portOption: '--port' });

  return {
    address: {
      host,
      port: portOf(server),
      metricsPort: portOf(metrics),
      store: storeDescription,
    },
    async stop() {
      draining = true;
      try {
        await app.close(options.drainTimeoutMs);
        logger.debug('runs are over, the store is closed');
      } finally {
        await closeServer(server);
        metrics.close();
        metrics.closeAllConnections();
      }
    },
  };
}

/** Answers that are on their way get a moment to arrive; then the connections are cut. */
async function closeServer(server: Server): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  await closed.promise;
  clearTimeout(cut);
}

/** The true port: 0 lets the system choose. */
function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
