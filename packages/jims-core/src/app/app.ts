import { createLlmProvider } from '../llm/llm-provider.ts';
import type { Llm, LlmProvider } from '../llm/llm.ts';
import type { LlmSettings } from '../llm/settings.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { CORE_REFUSALS } from '../run/accept-run.ts';
import { createRunEngine } from '../run/engine.ts';
import type { RunEngine } from '../run/engine.ts';
import { DEFAULT_RUN_LIMITS } from '../run/run.ts';
import type { Store } from '../store/store.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { within } from '../util/within.ts';
import { givenStore, shuttingDown, storeOf, tooLate } from './app-store.ts';
import type { Opened } from './open-app.ts';
import { defaultOpenOptions } from './open-options.ts';
import type { OpenOptions } from './open-options.ts';
import { AppRuns } from './runs.ts';
import { AppThreads } from './threads.ts';

const MARK = Symbol.for('jims.app');

export interface JimsAppOptions {
  readonly pipeline: Pipeline;
  /** Runs once in a new thread, before its first message, for clients that ask for it. */
  readonly conversationStartPipeline?: Pipeline;
  /** What the app is called where it presents itself: an agent card, a tool list. */
  readonly name?: string;
  /** What it is good for, in a sentence or two: models read it to decide whether to ask the app. */
  readonly description?: string;
  /** The app's own version, such as `1.4.0`. */
  readonly version?: string;
  /** A store, or the URL of one; see `openStore`. Default: `JIMS_DB_CONN_URI`, else a local SQLite file. */
  readonly store?: Store | string;
  /** What `ctx.llm` talks to. What is left out is read from the environment on first use. */
  readonly llm?: LlmSettings | LlmProvider;
}

/** How long closing waits for a database that does not answer: for it to open, and to close. */
const CLOSE_MS = 5000;

/**
 * A conversational application: a pipeline and the threads it works on. Its store is opened on first
 * use, or by `open`.
 */
export class JimsApp implements AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly version: string | undefined;
  readonly metrics: Metrics = createMetrics();
  /** Its conversations. */
  readonly threads: AppThreads;
  /** The executions of its pipeline. */
  readonly runs: AppRuns;
  readonly #store: Store | string | undefined;
  readonly #llm: LlmSettings | LlmProvider | undefined;
  #models: LlmProvider | undefined;
  #ownLlm: Llm | undefined;
  #options: OpenOptions | undefined;
  #opened: Promise<Opened> | undefined;
  #engine: RunEngine | undefined;
  #closing: Promise<void> | undefined;
  /** Aborts when the app is closed. */
  readonly #closed = new AbortController();

  constructor(options: JimsAppOptions) {
    this.pipeline = options.pipeline;
    this.conversationStartPipeline = options.conversationStartPipeline;
    this.name = options.name;
    this.description = options.description;
    this.version = options.version;
    this.#store = options.store;
    this.#llm = options.llm;
    const parts = { opened: () => this.#open(), closed: this.#closed.signal, llm: () => this.llm };
    this.threads = new AppThreads(parts);
    this.runs = new AppRuns(parts);
    const counts = (): { running: number; queued: number } =>
      this.#engine?.counts() ?? { running: 0, queued: 0 };
    this.metrics.gauge('jims_runs_running', 'Runs being executed', () => counts().running);
    this.metrics.gauge('jims_runs_queued', 'Runs waiting for their turn', () => counts().queued);
    this.metrics.expectRefusals(CORE_REFUSALS);
    // Not a field: a declaration file could not name it.
    Object.defineProperty(this, MARK, { value: true });
  }

  /**
   * The app's models outside of a run, for scripts that fill an index. Counted in the metrics.
   *
   * @throws JimsError `llm_unusable` for a variable that is not what it should be.
   */
  get llm(): Llm {
    this.#ownLlm ??= this.#openModels().forRun({ observe: this.metrics.observeModel });
    return this.#ownLlm;
  }

  /**
   * Opens the store, and brings its tables up to date. When that fails nothing stays open; the next
   * use of the app tries again, with the same options.
   *
   * @throws JimsError `store_invalid` or `store_unavailable`; `app_invalid` for options that differ
   * from those that the app was opened with; `shutting_down` when it is closed.
   * @example await app.open({ store: 'postgresql://localhost/chat', limits: { maxRuns: 200 } });
   */
  async open(options: OpenOptions = {}): Promise<{ readonly storeDescription: string }> {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    if (given.length > 0) {
      if (this.#closing) throw shuttingDown();
      const inUse = new Map(Object.entries(this.#options ?? {}));
      const isSame = given.every(([name, value]) => inUse.get(name) === value);
      if (this.#opened && !isSame) throw tooLate();
      if (!this.#opened) this.#options = options;
    }
    const { store } = await this.#open();
    return { storeDescription: store.description };
  }

  /** Resolves when the database answers. */
  async ping(): Promise<void> {
    const { store } = await this.#open();
    await store.ping();
  }

  /**
   * Takes no new runs, gives those that run `drainMs` to finish, stops the rest, closes the store. Any
   * use of the app afterwards is refused with `shutting_down`, also when the app was never used. A
   * database that does not answer is not waited for. May be called again: it is then the same closing.
   */
  async close(drainMs = 0): Promise<void> {
    this.#closing ??= this.#closeNow(drainMs);
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #closeNow(drainMs: number): Promise<void> {
    // An opening that takes longer closes what it opened by itself.
    const opening = this.#opened?.catch(() => undefined);
    const opened = opening && (await within(CLOSE_MS, opening));
    await opened?.engine.drain(drainMs);
    this.#closed.abort();
    const store = opened?.store ?? givenStore(this.#store);
    if (!store) return;
    const isClosed = await within(
      CLOSE_MS,
      store.close().then(() => true),
    );
    if (!isClosed) opened?.logger.warn({}, 'the store takes too long to close: not waited for');
  }

  #open(): Promise<Opened> {
    if (this.#closed.signal.aborted) return Promise.reject(shuttingDown());
    this.#options ??= defaultOpenOptions();
    this.#opened ??= this.#openNow(this.#options).catch((error: unknown) => {
      // A database that comes up later than the app is found by the next call.
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  #openModels(): LlmProvider {
    const given = this.#llm;
    this.#models ??= given && 'forRun' in given ? given : createLlmProvider(given);
    return this.#models;
  }

  async #openNow(options: OpenOptions): Promise<Opened> {
    const { limits, logger = silentLogger, traceContent, onRunFailed } = options;
    const store = await storeOf(this.#store, { ...options, logger });
    try {
      if (store.notice !== undefined) logger.warn({ store: store.description }, store.notice);
      const engine = await createRunEngine({
        store,
        pipeline: this.pipeline,
        conversationStartPipeline: this.conversationStartPipeline,
        limits: { ...DEFAULT_RUN_LIMITS, ...limits },
        logger,
        metrics: this.metrics,
        models: () => this.#openModels(),
        traceContent,
        onRunFailed,
      });
      if (this.#closed.signal.aborted) {
        await engine.drain(0);
        throw shuttingDown();
      }
      this.#engine = engine;
      return { store, engine, logger };
    } catch (error) {
      // A store that was given by the app is there for the next try.
      if (store !== this.#store) await store.close().catch(() => {});
      throw error;
    }
  }
}

/** Makes an app of a pipeline, or of a pipeline and what goes with it. */
export function defineApp(options: JimsAppOptions | Pipeline): JimsApp {
  return new JimsApp('pipeline' in options ? options : { pipeline: options });
}

/** True for a {@link JimsApp}, also for one made by another copy of this package. */
export function isJimsApp(value: unknown): value is JimsApp {
  return typeof value === 'object' && value !== null && MARK in value;
}
