import type { Server } from 'node:http';

import { isJimsError } from 'jims-core';
import type { JimsApp, OpenOptions } from 'jims-core';

import { isSecured } from '../auth/authenticate.ts';
import type { ApiOptions } from './create-api.ts';
import { isHostName, isLoopback } from './hosts.ts';
import { createHttpServer } from './node-server/http-server.ts';
import type { ClientTimeouts } from './node-server/http-server.ts';
import { inUrl, listen } from './node-server/listen.ts';
import { createLogger } from './node-server/logger.ts';
import { createMetricsServer } from './node-server/metrics-server.ts';
import { noticeWaiting } from './node-server/notice-waiting.ts';
import { ServiceProcess } from './node-server/service-process.ts';
import type { ServiceLogger, ServiceProcessOptions } from './node-server/service-process.ts';

/** Options of {@link serve}: its own, those of `createApi`, and those of `app.open`. */
export interface ServeOptions
  extends Omit<ApiOptions, 'isDraining'>, OpenOptions, ClientTimeouts, ServiceProcessOptions {
  /** Port of the API, 0 for a free one; default 8080. */
  readonly port?: number;
  /** Address to listen on; default `0.0.0.0`: every IPv4 address of the machine. */
  readonly host?: string;
  /** Port of the Prometheus metrics, 0 for a free one, `false` for none; default 8000. */
  readonly metricsPort?: number | false;
  /** Address of the metrics; default `host`. */
  readonly metricsHost?: string | undefined;
  /**
   * As in `createApi`, with `host` among the names. Default: an empty list, which checks the host of
   * requests, when callers need no key or token, or when `host` is a loopback address.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Milliseconds that runs get to finish when the service stops; default 30,000. */
  readonly drainTimeoutMs?: number;
  /**
   * The log of the service, and of the app when it is not open yet. Default: pino on standard error, in JSON
   * lines, or in readable ones on a terminal.
   */
  readonly logger?: ServiceLogger;
}

/** A service that listens; disposing it stops it. */
export interface Service extends AsyncDisposable {
  readonly port: number;
  /** Where this machine reaches it, such as `http://localhost:8080`. */
  readonly url: string;
  /** `undefined` without metrics. */
  readonly metricsPort: number | undefined;
  /**
   * Refuses new runs, gives those that run `drainTimeoutMs` to finish, cancels the rest, and closes the ports.
   * The app is closed with the last service that serves it. Called again it awaits the same stop.
   */
  stop(): Promise<void>;
}

/**
 * Serves an app over HTTP, as the command `jims-api` does: opens the app, listens on a port and on one more
 * for metrics, cuts off clients that are too slow, writes a log, and stops when the process is asked to
 * end. An error that a pipeline left behind, in a timer or in a promise that nobody awaits, fails its run
 * and not the process. When it rejects, it listens nowhere and the app stays usable.
 *
 * @throws TypeError for an option that cannot work; PortError for a port that it cannot listen on;
 * JimsError `store_invalid` or `store_unavailable` for the store, `app_invalid` for options of
 * `app.open` when the app was opened with others.
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
  const service = new AppService(app, options);
  await service.start();
  return service;
}

/** What of the options of {@link serve} is for `app.open`. */
export function openOptionsOf(options: OpenOptions): OpenOptions {
  const { store, schema, limits, traceContent, onRunFailed, logger } = options;
  return { store, schema, limits, traceContent, onRunFailed, logger };
}

/** How many services serve an app. */
const serviceCounts = new WeakMap<JimsApp, number>();

class AppService implements Service {
  readonly #app: JimsApp;
  readonly #options: ServeOptions;
  readonly #host: string;
  readonly #secured: boolean;
  readonly #logger: ServiceLogger;
  readonly #server: Server;
  readonly #metrics: Server | undefined;
  #port = 0;
  #metricsPort: number | undefined;
  #process: ServiceProcess | undefined;
  #stopping: Promise<void> | undefined;

  constructor(app: JimsApp, options: ServeOptions) {
    const { host = '0.0.0.0', metricsHost = host, apiKeys = [], oidc, authentik } = options;
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
    const still =
      'still opening the store: the database does not answer, or something holds a lock';
    const { storeDescription } = await noticeWaiting(this.#open(), () => logger.warn({}, still));
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
    const { protocols } = this.#options;
    const address = { host: this.#host, port: this.#port, metricsPort: this.#metricsPort, store };
    this.#logger.info({ ...address, protocols }, 'listening');
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
    const { drainTimeoutMs = 30_000 } = this.#options;
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
