import { givenStore, shuttingDown, storeOf, tooLate } from './app-store.ts';
import type { JimsError } from './errors.ts';
import { createLlmProvider } from './llm/llm-provider.ts';
import type { Llm, LlmProvider } from './llm/llm.ts';
import type { LlmSettings } from './llm/settings.ts';
import { silentLogger } from './logger.ts';
import type { Logger } from './logger.ts';
import { defaultOpenOptions } from './open-options.ts';
import type { Pipeline } from './pipeline.ts';
import { CORE_REFUSALS } from './run/accept-run.ts';
import { createRunEngine } from './run/run-engine.ts';
import type { RunEngine } from './run/run-engine.ts';
import { DEFAULT_RUN_LIMITS } from './run/run.ts';
import type { FailedRun, Run, RunLimits, RunRequest } from './run/run.ts';
import type { RunRecord, RunStatus, Store } from './store/store.ts';
import { createMetrics } from './telemetry/metrics.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { threadAccess } from './thread-access.ts';
import { ThreadReader } from './thread-reader.ts';
import type { Opened } from './thread-reader.ts';
import type { JsonObject, ThreadEvent } from './thread/event.ts';
import { createThreadController } from './thread/thread-controller.ts';
import type { ThreadController } from './thread/thread-controller.ts';
import { threadFeed } from './thread/thread-feed.ts';
import type { ThreadFeedOptions } from './thread/thread-feed.ts';
import type { NewThread, Thread } from './thread/thread.ts';
import { within } from './within.ts';

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

/** What whoever serves an app may decide about it. */
export interface OpenOptions {
  /** A connection URL that goes before the app's own. */
  readonly store?: string;
  /**
   * The schema of the app's threads in a PostgreSQL database with several apps; see `openStore`.
   * Default: `JIMS_SCHEMA`, else where the threads are.
   */
  readonly schema?: string;
  readonly limits?: Partial<RunLimits>;
  readonly logger?: Logger;
  /** Puts prompts and answers into the spans of model calls; default: as the app's settings say. */
  readonly traceContent?: boolean;
  /** Is told of every run that failed, after the log. */
  readonly onRunFailed?: (error: JimsError, run: FailedRun) => void;
}

/** How long closing waits for a database that does not answer: for it to open, and to close. */
const CLOSE_MS = 5000;

/**
 * A conversational application: a pipeline and the threads it works on. Its store is opened on first
 * use, or by `open`.
 */
export class JimsApp extends ThreadReader implements AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly version: string | undefined;
  readonly metrics: Metrics = createMetrics();
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
    super();
    this.pipeline = options.pipeline;
    this.conversationStartPipeline = options.conversationStartPipeline;
    this.name = options.name;
    this.description = options.description;
    this.version = options.version;
    this.#store = options.store;
    this.#llm = options.llm;
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
   * @throws JimsError `store_invalid` or `store_unavailable`; `app_invalid` for options that come too
   * late, as the app is open already; `shutting_down` when it is closed.
   * @example await app.open({ store: 'postgresql://localhost/chat', limits: { maxRuns: 200 } });
   */
  async open(options: OpenOptions = {}): Promise<{ readonly storeDescription: string }> {
    if (Object.values(options).some((value) => value !== undefined)) {
      if (this.#closing) throw shuttingDown();
      if (this.#opened && this.#options !== options) throw tooLate();
      this.#options = options;
    }
    const { store } = await this.#open();
    return { storeDescription: store.description };
  }

  /** Resolves when the database answers. */
  async ping(): Promise<void> {
    const { store } = await this.#open();
    await store.ping();
  }

  /** Gets the thread by its id, or the contact's by its external id, or makes it. */
  async newThread(spec: NewThread): Promise<ThreadController> {
    const { thread } = await this.openThread(spec);
    return this.#controller(thread);
  }

  /** As `newThread`, and tells whether the thread was made. */
  async openThread(spec: NewThread): Promise<{ thread: Thread; created: boolean }> {
    const { store } = await this.#open();
    return store.openThread(spec);
  }

  async thread(threadId: string): Promise<ThreadController | undefined> {
    return this.#found((store) => store.thread(threadId));
  }

  /**
   * A contact's thread by its external id, which names it within that contact; of several, as other
   * writers may leave them, the newest.
   *
   * @example
   * ```ts
   * const ticket = await app.threadByExternalId('customer:42', 'ticket-7');
   * ```
   */
  async threadByExternalId(
    contactId: string,
    externalId: string,
  ): Promise<ThreadController | undefined> {
    return this.#found((store) => store.threadByExternalId(contactId, externalId));
  }

  async latestThread(contactId: string): Promise<ThreadController | undefined> {
    return this.#found((store) => store.latestThread(contactId));
  }

  /** Replaces a thread's config; `undefined` when there is no such thread. */
  async updateThreadConfig(threadId: string, config: JsonObject): Promise<Thread | undefined> {
    const { store } = await this.#open();
    return store.updateThreadConfig(threadId, config);
  }

  /**
   * Erases a thread, or all threads of a contact, with their events and runs; what runs on them is
   * stopped. Resolves with the ids of the erased threads when all of it is gone. Much is erased in
   * pieces: until then other readers may still see threads of the contact, each of them whole.
   */
  async deleteThreads(
    which: { threadId: string } | { contactId: string },
  ): Promise<readonly string[]> {
    const { store, runs } = await this.#open();
    const ids = await store.deleteThreads(which);
    runs.dropThreads(ids);
    return ids;
  }

  /** A thread's events, those that are there and then those that come, until the app is closed. */
  async *followThread(threadId: string, options: ThreadFeedOptions): AsyncGenerator<ThreadEvent> {
    const { store } = await this.#open();
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    yield* threadFeed(store, threadId, { ...options, signal });
  }

  /** A run of any process, live or over, to be listened to; `undefined` for an unknown one. */
  async run(runId: string): Promise<Run | undefined> {
    const { runs } = await this.#open();
    return runs.run(runId);
  }

  /** The run that a thread is busy with, to be listened to; `undefined` when it is not. */
  async activeRun(threadId: string): Promise<Run | undefined> {
    const { store, runs } = await this.#open();
    const runId = await store.activeRun(threadId);
    return runId === undefined ? undefined : runs.run(runId);
  }

  /** All that is kept of a run. */
  async runRecord(runId: string): Promise<RunRecord | undefined> {
    const { store } = await this.#open();
    return store.run(runId);
  }

  /** The run that was started with an idempotency key, while that is remembered. */
  async runIdByKey(key: {
    readonly scope: string;
    readonly key: string;
  }): Promise<string | undefined> {
    const { store } = await this.#open();
    return store.runIdByKey(key);
  }

  /** Stops a run wherever it runs. Resolves with the status it had; `undefined` for an unknown one. */
  async cancelRun(runId: string): Promise<RunStatus | undefined> {
    const { runs } = await this.#open();
    return runs.cancel(runId);
  }

  /**
   * Accepts a run and starts it: the one way in for every interface. Resolves when the question is
   * committed; what happens then is told by the run.
   *
   * @throws JimsError as {@link RunEngine.start}.
   */
  async startRun(request: RunRequest): Promise<Run> {
    const { runs } = await this.#open();
    return runs.start(request);
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
    await opened?.runs.drain(drainMs);
    this.#closed.abort();
    const store = opened?.store ?? givenStore(this.#store);
    if (!store) return;
    const isClosed = await within(
      CLOSE_MS,
      store.close().then(() => true),
    );
    if (!isClosed) opened?.logger.warn({}, 'the store takes too long to close: not waited for');
  }

  protected override opened(): Promise<Opened> {
    return this.#open();
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
      const runs = await createRunEngine({
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
        await runs.drain(0);
        throw shuttingDown();
      }
      this.#engine = runs;
      return { store, runs, logger };
    } catch (error) {
      // A store that was given by the app is there for the next try.
      if (store !== this.#store) await store.close().catch(() => {});
      throw error;
    }
  }

  async #found(
    look: (store: Store) => Promise<Thread | undefined>,
  ): Promise<ThreadController | undefined> {
    const { store } = await this.#open();
    const thread = await look(store);
    return thread && this.#controller(thread);
  }

  #controller(thread: Thread): ThreadController {
    const access = threadAccess(
      () => this.#open(),
      () => this.llm,
    );
    return createThreadController(thread, access);
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
