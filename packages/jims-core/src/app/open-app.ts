import { AsyncLocalStorage } from 'node:async_hooks';

import { JimsError } from '../errors/jims-error.ts';
import { fileLimits } from '../files/file-limits.ts';
import { StoredFiles } from '../files/stored-files.ts';
import { createLlmProvider } from '../llm/llm-provider.ts';
import type { Llm, LlmProvider } from '../llm/llm.ts';
import { Deliveries } from '../run/deliveries.ts';
import { RunEngine } from '../run/engine.ts';
import { runLimits } from '../run/run-limits.ts';
import type { RunLimits } from '../run/run-limits.ts';
import type { AppCode } from '../run/run-services.ts';
import type { Traces } from '../run/trace/traces.ts';
import { within } from '../run/within.ts';
import type { FileStore, Store } from '../store/store.ts';
import { silentLogger, unfailing } from '../telemetry/logger.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { appBeingReloaded, differingParts } from './live-code.ts';
import type { FixedPart } from './live-code.ts';
import { openDatabase, openFiles, openTraces } from './open-parts.ts';
import { defaultOpenOptions } from './options.ts';
import type { JimsAppOptions, OpenOptions } from './options.ts';

/** What an open app works with. */
export interface Opened {
  readonly store: Store;
  readonly engine: RunEngine;
  readonly files: StoredFiles;
  /** Where runs are traced, if they are. */
  readonly traces: Traces | undefined;
  readonly limits: RunLimits;
  /** Where files are kept, when that is not with the database. */
  readonly fileStore: FileStore | undefined;
  readonly logger: Logger;
}

/** How long closing waits for a database that does not answer: for it to open, and to close. */
const CLOSE_MS = 5000;

/** Where code runs in a test: the apps that stand in for its own. */
const standIns = new AsyncLocalStorage<ReadonlyMap<OpenApp, OpenApp>>();

/** The store, the engine and the models of an app: opened on first use, and closed once. */
export class OpenApp {
  readonly #metrics: Metrics;
  #definition: JimsAppOptions;
  #code: AppCode;
  /** The app that goes on with the code of this one. */
  #successor: OpenApp | undefined;
  readonly #closed = new AbortController();
  readonly #deliveries = new Deliveries();
  #options: OpenOptions | undefined;
  #opened: Promise<Opened> | undefined;
  #engine: RunEngine | undefined;
  #llm: Llm | undefined;
  #closing: Promise<void> | undefined;

  constructor(app: JimsAppOptions, metrics: Metrics) {
    this.#definition = app;
    this.#code = codeOf(app);
    this.#metrics = metrics;
  }

  get metrics(): Metrics {
    return this.#successor?.metrics ?? this.#metrics;
  }

  /** What is sent to others when its runs end. */
  get deliveries(): Deliveries {
    return this.#successor?.deliveries ?? this.#deliveries;
  }

  /** What the app is made of now. */
  get definition(): JimsAppOptions {
    return this.#definition;
  }

  /** Calls `work`, for which this app stands in for another one: that one is neither opened nor changed. */
  standInFor<T>(other: OpenApp, work: () => T): T {
    return standIns.run(new Map([...(standIns.getStore() ?? []), [other, this]]), work);
  }

  /** Aborts when the app is closed. */
  get closed(): AbortSignal {
    return this.#successor?.closed ?? this.#closed.signal;
  }

  /** See `JimsApp.llm`. */
  get llm(): Llm {
    const standIn = this.#standIn;
    if (standIn) return standIn.llm;
    this.#llm ??= this.#code.models().forRun({ observe: this.metrics.observeModel });
    return this.#llm;
  }

  counts(): { readonly running: number; readonly queued: number } {
    return this.#engine?.counts() ?? { running: 0, queued: 0 };
  }

  get lostRuns(): number {
    return this.#engine?.failures.lostRuns ?? 0;
  }

  get changedChains(): number {
    return this.#engine?.failures.changedChains ?? 0;
  }

  /** Refuses all runs until code is taken over. */
  refuseRuns(reason: JimsError): void {
    this.#code = { ...this.#code, missing: reason };
  }

  /**
   * Goes on with the code of another app, which becomes another name of this one.
   *
   * @returns what of the other app differs and cannot be changed while this one is open; then nothing is
   * changed.
   */
  takeOver(fresh: unknown): readonly FixedPart[] {
    if (!(fresh instanceof OpenApp)) return ['jims-core'];
    if (fresh === this) return [];
    const differing = differingParts(this.#definition, fresh.#definition);
    if (differing.length > 0) return differing;
    // It opened a store of its own.
    if (fresh.#opened) return ['store'];
    this.#definition = fresh.#definition;
    this.#code = fresh.#code;
    this.#llm = undefined;
    fresh.#successor = this;
    return [];
  }

  /** See `JimsApp.open`. */
  async open(options: OpenOptions): Promise<Opened> {
    if (this.#successor) return this.#successor.open(options);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    if (given.length > 0) {
      if (this.#closing) throw shuttingDown();
      const inUse = new Map(Object.entries(this.#options ?? {}));
      const isSame = given.every(([name, value]) => inUse.get(name) === value);
      if (this.#opened && !isSame) throw tooLate();
      if (!this.#opened) this.#options = options;
    }
    return this.opened();
  }

  /** @throws JimsError as `JimsApp.open`. */
  opened(): Promise<Opened> {
    const standIn = this.#standIn;
    if (standIn) return standIn.opened();
    this.#successor ??= this.#reloadedApp();
    if (this.#successor) return this.#successor.opened();
    if (this.closed.aborted) return Promise.reject(shuttingDown());
    this.#options ??= defaultOpenOptions();
    this.#opened ??= this.#openNow(this.#options).catch((error: unknown) => {
      // A database that comes up later than the app is found by the next call.
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** See `JimsApp.close`. */
  async close(drainMs: number): Promise<void> {
    if (this.#successor) return this.#successor.close(drainMs);
    this.#closing ??= this.#closeNow(drainMs);
    await this.#closing;
  }

  /** The open app whose new code uses its threads while it loads. */
  #reloadedApp(): OpenApp | undefined {
    if (this.#opened || this.#options) return undefined;
    const running = appBeingReloaded();
    if (!(running instanceof OpenApp) || running === this) return undefined;
    return differingParts(running.#definition, this.#definition).length === 0 ? running : undefined;
  }

  get #standIn(): OpenApp | undefined {
    return standIns.getStore()?.get(this);
  }

  async #openNow(options: OpenOptions): Promise<Opened> {
    const { store: own, durable = false } = this.#definition;
    const { traceContent, onRunFailed, recover = true } = options;
    const limits = runLimits(options.limits);
    const limitsOfFiles = fileLimits(options.fileLimits);
    const logger = unfailing(options.logger ?? silentLogger);
    const store = await openDatabase(own, { ...options, logger });
    let fileStore: FileStore | undefined;
    try {
      if (store.notice !== undefined) logger.warn({ store: store.description }, store.notice);
      fileStore = await openFiles(this.#definition.files, { ...options, logger });
      const files = new StoredFiles({
        records: store,
        bytes: fileStore ?? store.fileStore,
        limits: limitsOfFiles,
        logger,
      });
      const traces = await openTraces(options, logger);
      const engine = await RunEngine.open({
        store,
        files,
        code: () => this.#code,
        isDurable: durable !== false,
        keepsModels: typeof durable === 'boolean' || durable.models !== false,
        recovers: recover,
        limits,
        logger,
        metrics: this.metrics,
        traceContent,
        traces,
        onRunFailed,
      });
      if (this.closed.aborted) {
        await engine.drain(0);
        throw shuttingDown();
      }
      this.#engine = engine;
      this.#deliveries.open({ store, logger, metrics: this.metrics });
      return { store, engine, logger, files, fileStore, traces, limits };
    } catch (error) {
      // A store that was given by the app is there for the next try.
      if (fileStore !== this.#definition.files) await fileStore?.close().catch(() => {});
      if (store !== own) await store.close().catch(() => {});
      throw error;
    }
  }

  async #closeNow(drainMs: number): Promise<void> {
    const { store: own } = this.#definition;
    // An opening that takes longer closes what it opened by itself.
    const opening = this.#opened?.catch(() => undefined);
    const opened = opening && (await within(CLOSE_MS, opening));
    await opened?.engine.drain(drainMs);
    await within(CLOSE_MS, this.#deliveries.close());
    this.#closed.abort();
    const store = opened?.store ?? (typeof own === 'string' ? undefined : own);
    if (!store) return;
    const closing = Promise.all([opened?.fileStore?.close(), store.close()]).then(() => true);
    const isClosed = await within(CLOSE_MS, closing);
    if (!isClosed) opened?.logger.warn({}, 'the store takes too long to close: not waited for');
  }
}

function codeOf({ pipeline, conversationStartPipeline, version, llm }: JimsAppOptions): AppCode {
  let models: LlmProvider | undefined;
  return {
    pipeline,
    conversationStartPipeline,
    version,
    models: () => (models ??= llm && 'forRun' in llm ? llm : createLlmProvider(llm)),
    missing: undefined,
  };
}

function shuttingDown(): JimsError {
  return new JimsError('shutting_down', 'The service is shutting down');
}

function tooLate(): JimsError {
  return new JimsError(
    'app_invalid',
    'The app is open already, so options of open() come too late: call open() before the app is used. In an app that jims-api serves leave open() out: the command calls it, with its own options',
  );
}
