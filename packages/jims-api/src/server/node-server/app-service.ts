import type { Server } from 'node:http';

import { isJimsError } from 'jims-core';
import type { JimsApp, OpenOptions } from 'jims-core';
import { TIMER_MS, numberOption } from 'jims-core/host';

import { isSecured } from '../../auth/authenticate.ts';
import { isHostName, isLoopback } from '../hosts.ts';
import type { ServeOptions, Service } from '../serve-options.ts';
import { createHttpServer } from './http-server.ts';
import { inUrl, listen } from './listen.ts';
import { createLogger } from './logger.ts';
import { createMetricsServer } from './metrics-server.ts';
import { ServiceProcess } from './service-process.ts';
import type { ServiceLogger } from './service-process.ts';

/** What of the options of `serve` is for `app.open`. The playground shows traces. */
export function openOptionsOf(
  options: OpenOptions & Pick<ServeOptions, 'playground'>,
): OpenOptions {
  const { store, schema, files, limits, fileLimits } = options;
  const { traceContent, recover, onRunFailed, logger } = options;
  const { traces = options.playground || undefined } = options;
  const reports = { traceContent, traces, onRunFailed, logger };
  return { store, schema, files, limits, fileLimits, recover, ...reports };
}

/** How many services serve an app. */
const serviceCounts = new WeakMap<JimsApp, number>();

/** An app that is served: its ports, and its store from the start to the stop. */
export class AppService implements Service {
  readonly #app: JimsApp;
  readonly #options: ServeOptions;
  readonly #host: string;
  readonly #secured: boolean;
  readonly #logger: ServiceLogger;
  readonly #server: Server;
  readonly #metrics: Server | undefined;
  readonly #drainTimeoutMs: number;
  #port = 0;
  #metricsPort: number | undefined;
  #process: ServiceProcess | undefined;
  #stopping: Promise<void> | undefined;

  constructor(app: JimsApp, options: ServeOptions) {
    const { host = '0.0.0.0', metricsHost = host, apiKeys = [], oidc, authentik } = options;
    const { drainTimeoutMs = 30_000 } = options;
    this.#drainTimeoutMs = numberOption('drainTimeoutMs', drainTimeoutMs, {
      ...TIMER_MS,
      least: 0,
    });
    this.#app = app;
    this.#options = options;
    this.#host = host;
    this.#logger = options.logger ?? createLogger();
    const byOptions = isSecured({ apiKeys, oidc, authentik });
    this.#secured = byOptions || options.authenticate !== undefined;
    const allowedHosts = this.#allowedHosts();
    this.#server = createHttpServer(app, {
      ...options,
      allowedHosts,
      logger: this.#logger,
      isDraining: () => this.#stopping !== undefined,
    });
    if (options.metricsPort === false) return;
    const metricsHosts = isLoopback(metricsHost) ? (allowedHosts ?? []) : undefined;
    this.#metrics = createMetricsServer(app.metrics, metricsHosts);
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const isAny = this.#host === '0.0.0.0' || this.#host === '::';
    return `http://${isAny ? 'localhost' : inUrl(this.#host)}:${this.#port}`;
  }

  get metricsPort(): number | undefined {
    return this.#metricsPort;
  }

  async start(): Promise<void> {
    this.#process = new ServiceProcess(this.#options, this.#logger);
    try {
      const store = await this.#openApp();
      await this.#listen();
      serviceCounts.set(this.#app, (serviceCounts.get(this.#app) ?? 0) + 1);
      this.#process.stopBySignal(() => this.stop());
      this.#logListening(store);
    } catch (error) {
      this.#metrics?.close();
      this.#process.release();
      throw error;
    }
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stopNow());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Gives the description of the store. */
  async #openApp(): Promise<string> {
    const logger = this.#logger;
    logger.debug({}, 'opening the store');
    const { storeDescription } = await this.#open();
    logger.debug({ store: storeDescription }, 'the store is open, its tables are up to date');
    return storeDescription;
  }

  async #open(): ReturnType<JimsApp['open']> {
    const given = openOptionsOf(this.#options);
    try {
      return await this.#app.open({ ...given, logger: this.#logger });
    } catch (error) {
      if (!isJimsError(error) || error.code !== 'app_invalid') throw error;
      // An app that is open keeps its own logger; for any other option it is too late.
      return this.#app.open({ ...given, logger: undefined });
    }
  }

  async #listen(): Promise<void> {
    const { port = 8080, metricsHost, metricsPort = 8000 } = this.#options;
    if (this.#metrics && metricsPort !== false) {
      this.#metricsPort = await listen(this.#metrics, {
        host: metricsHost ?? this.#host,
        port: metricsPort,
        from: { host: metricsHost === undefined ? 'host' : 'metricsHost', port: 'metricsPort' },
      });
    }
    const from = { host: 'host', port: 'port' } as const;
    this.#port = await listen(this.#server, { host: this.#host, port, from });
  }

  #logListening(store: string): void {
    const { protocols, playground = false } = this.#options;
    // First the page that shows what can be sent here: terminals make a link of it.
    const page = playground ? { playground: `${this.url}/` } : { docs: `${this.url}/docs` };
    const address = { host: this.#host, port: this.#port, metricsPort: this.#metricsPort, store };
    this.#logger.info({ ...page, ...address, protocols }, 'listening');
    if (this.#secured || isLoopback(this.#host)) return;
    this.#logger.warn(
      { host: this.#host },
      'OPEN ACCESS: anyone who reaches this port can talk as any contact. Require a key (JIMS_API_KEY, in code apiKeys), or listen on 127.0.0.1 only',
    );
  }

  /**
   * Without keys, or on an address that only this machine reaches, a web page that points its own name
   * here could call as the user of this machine.
   */
  #allowedHosts(): readonly string[] | undefined {
    const { allowedHosts } = this.#options;
    if (!allowedHosts && this.#secured && !isLoopback(this.#host)) return undefined;
    const names = allowedHosts ?? [];
    return isHostName(this.#host) ? [...names, this.#host] : names;
  }

  async #stopNow(): Promise<void> {
    this.#options.code?.end();
    const drainTimeoutMs = this.#drainTimeoutMs;
    const others = (serviceCounts.get(this.#app) ?? 1) - 1;
    serviceCounts.set(this.#app, others);
    try {
      if (others === 0) {
        await this.#app.close(drainTimeoutMs);
        this.#logger.debug({}, 'runs are over, the store is closed');
      }
    } finally {
      await closeServer(this.#server, others === 0 ? LAST_ANSWERS_MS : drainTimeoutMs);
      this.#metrics?.close();
      this.#metrics?.closeAllConnections();
      this.#process?.release();
    }
  }
}

const LAST_ANSWERS_MS = 1000;

/** Answers on their way get some time to arrive; then their connections are cut. */
async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed.promise;
  clearTimeout(cut);
}
