import type { JimsApp } from 'jims-core';
import { requireNewNode } from 'jims-core/host';

import type { ServeOptions, Service } from './serve-options.ts';

/**
 * Serves an app over HTTP, as the command `jims-api` does: opens the app, listens on a port and on one more
 * for metrics, cuts off clients that are too slow, writes a log, and stops when the process is asked to
 * end. An error that a pipeline left behind, in a timer or in a promise that nobody awaits, fails its run
 * and not the process. When it rejects, no port is open and the app stays usable.
 *
 * @throws TypeError for an option that cannot work; PortError for a port that it cannot listen on;
 * JimsError `store_invalid` or `store_unavailable` for the store, `app_invalid` for a number that is too small
 * or not a number, and for options of `app.open` when the app was opened with others.
 * @example
 * import { serve } from 'jims-api';
 *
 * import { app } from './app.ts';
 *
 * await serve(app, { port: 8080, apiKeys: ['s3cret'], limits: { maxRuns: 200 } });
 * @example
 * // In a test: on a free port, stopped at the end of the block.
 * await using service = await serve(app, { port: 0, metricsPort: false, signals: false });
 * await fetch(`${service.url}/healthz`);
 */
export async function serve(app: JimsApp, options: ServeOptions = {}): Promise<Service> {
  requireNewNode();
  // Loaded when it is needed: hosts of `createApi` have a server and a logger of their own.
  const { AppService } = await import('./node-server/app-service.ts');
  const service = new AppService(app, options);
  await service.start();
  return service;
}
