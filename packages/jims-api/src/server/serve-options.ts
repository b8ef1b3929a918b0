import type { OpenOptions } from 'jims-core';

import type { ApiOptions } from './create-api.ts';
import type { ClientTimeouts } from './node-server/http-server.ts';
import type { ServiceLogger, ServiceProcessOptions } from './node-server/service-process.ts';

/** Options of `serve`: its own, those of `createApi`, and those of `app.open`. */
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
   * As in `createApi`; `host` is always allowed. Default: callers with a key or token on a public `host`
   * may name any; otherwise only the names that `createApi` always allows are.
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
