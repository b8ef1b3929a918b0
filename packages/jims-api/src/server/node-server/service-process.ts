import type { Logger } from 'jims-core';
import { describeError, failCurrentRun } from 'jims-core/host';

import { flushLog } from './log-output.ts';
import { watchStopSignals } from './stop-signals.ts';
import type { SignalWatch } from './stop-signals.ts';

/** A logger, such as pino. */
export interface ServiceLogger extends Logger {
  /** Logs what ends the process; default `error`. */
  fatal?(fields: object, message: string): void;
}

export interface ServiceProcessOptions {
  /**
   * SIGTERM, SIGINT and SIGHUP stop the service and then end the process with exit code 0; a second
   * signal ends it at once. Default true. `false` is for a program that has an end of its own, in which it
   * calls `stop()`.
   */
  readonly signals?: boolean;
  /**
   * Whether the process ends when an exception that belongs to no run is not caught; default true. It cannot be
   * trusted any more: false is for development.
   */
  readonly endsOnException?: boolean;
  /** Gets an error that nobody caught and that belongs to no run, besides the log. */
  readonly onError?: (error: unknown) => void;
  /**
   * Is awaited before a signal, or an error that nobody caught, ends the process: sends what is still to be
   * sent, such as traces. Must not reject.
   */
  readonly beforeExit?: () => Promise<void>;
}

const EXIT_FAILURE = 1;

/** The services of this process. The first one gets the errors that belong to no run. */
const services = new Set<ServiceProcess>();

/**
 * The process as a service needs it: signals stop the service, and an error that a pipeline left behind,
 * in a timer or in a promise that nobody awaits, fails its run and not the process with everybody's runs.
 */
export class ServiceProcess {
  readonly #options: ServiceProcessOptions;
  readonly #logger: ServiceLogger;
  readonly #signals: SignalWatch | undefined;
  /** Whether the process ends when its last work is done. */
  #isEnding = false;

  constructor(options: ServiceProcessOptions, logger: ServiceLogger) {
    this.#options = options;
    this.#logger = logger;
    this.#signals = options.signals === false ? undefined : watchStopSignals();
    if (services.size === 0) {
      process.on('unhandledRejection', onRejection);
      process.on('uncaughtException', onException);
    }
    services.add(this);
  }

  /** From now on a signal calls `stop` before the process ends. */
  stopBySignal(stop: () => Promise<void>): void {
    this.#signals?.beforeExit(async (signal) => {
      this.#isEnding = true;
      try {
        const what = 'stopping: runs are finished first, a second signal ends at once';
        this.#logger.info({ signal }, what);
        await stop();
        await this.#options.beforeExit?.();
        this.#logger.info({}, 'stopped');
      } catch (error) {
        this.#fatal(error, 'cannot stop cleanly');
        throw error;
      } finally {
        await flushLog();
      }
    });
  }

  /**
   * Leaves the process as it was. Not when it ends: until then, a pipeline that was given up may still
   * throw, which must not cut off the last work.
   */
  release(): void {
    if (this.#isEnding) return;
    this.#signals?.release();
    services.delete(this);
    if (services.size > 0) return;
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  }

  /** A promise that belongs to no run was rejected, and nobody awaits it. */
  rejected(reason: unknown): void {
    this.#options.onError?.(reason);
    this.#logger.error(
      { error: describeError(reason) },
      'a promise was rejected, and nobody awaits it',
    );
  }

  /** An exception that belongs to no run was not caught: the process cannot be trusted any more. */
  thrown(error: unknown): void {
    const hasOtherListeners = process.listenerCount('uncaughtException') > 1;
    if (this.#signals === undefined && hasOtherListeners) return;
    if (this.#options.endsOnException === false) {
      this.#logger.error({ error: describeError(error) }, 'uncaught exception');
      return;
    }
    this.#fatal(error, 'uncaught exception: the process ends');
    this.#options.onError?.(error);
    void this.#exit();
  }

  async #exit(): Promise<never> {
    this.#isEnding = true;
    await this.#options.beforeExit?.();
    await flushLog();
    process.exit(EXIT_FAILURE);
  }

  #fatal(error: unknown, message: string): void {
    const fields = { error: describeError(error) };
    if (this.#logger.fatal) this.#logger.fatal(fields, message);
    else this.#logger.error(fields, message);
  }
}

function onRejection(reason: unknown): void {
  const [service] = services;
  if (!failCurrentRun(reason)) service?.rejected(reason);
}

function onException(error: unknown): void {
  const [service] = services;
  if (!failCurrentRun(error)) service?.thrown(error);
}
