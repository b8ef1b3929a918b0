import type { FileLimits } from '../files/file-limits.ts';
import type { Llm } from '../llm/llm.ts';
import { isPipeline, requirePipeline } from '../pipeline/pipeline.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { CORE_REFUSALS } from '../run/admission.ts';
import type { RunLimits } from '../run/run-limits.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { AppFiles } from './files.ts';
import { MARK } from './live-code.ts';
import { OpenApp } from './open-app.ts';
import type { JimsAppOptions, OpenOptions } from './options.ts';
import { AppQuestions } from './questions.ts';
import { AppRuns } from './runs.ts';
import { AppThreads } from './threads.ts';

/**
 * A conversational application: a pipeline, and the threads that it answers in. Its store is opened on
 * first use, or by `open`.
 *
 * @example
 * await using app = defineApp((ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`));
 * const run = await app.runs.start({ contactId: 'customer:42', message: 'Hello' });
 * const end = await run.end;
 */
export class JimsApp implements AsyncDisposable {
  /** See `JimsAppOptions.durable`. */
  readonly durable: boolean;
  /** The numbers of this app, for Prometheus. */
  readonly metrics: Metrics = createMetrics();
  /** The conversations of the app. */
  readonly threads: AppThreads;
  /** The executions of its pipeline. */
  readonly runs: AppRuns;
  /** What its pipelines have asked. */
  readonly questions: AppQuestions;
  /** What contacts and pipelines have sent beside text. */
  readonly files: AppFiles;
  readonly #openApp: OpenApp;

  /** Makes an app; see `defineApp`. */
  constructor(options: JimsAppOptions) {
    this.durable = options.durable !== undefined && options.durable !== false;
    const openApp = new OpenApp(options, this.metrics);
    this.#openApp = openApp;
    this.threads = new AppThreads(openApp);
    this.runs = new AppRuns(openApp);
    this.questions = new AppQuestions(openApp);
    this.files = new AppFiles(openApp);
    this.metrics.gauge('jims_runs_running', 'Runs being executed', () => openApp.counts().running);
    this.metrics.gauge(
      'jims_runs_queued',
      'Runs waiting for their turn',
      () => openApp.counts().queued,
    );
    this.metrics.counter(
      'jims_chains_changed_total',
      'Runs that failed because their code had changed',
      () => openApp.changedChains,
    );
    this.metrics.counter(
      'jims_runs_lost_total',
      'Runs of dead processes that this one has marked lost',
      () => openApp.lostRuns,
    );
    this.metrics.expectRefusals(CORE_REFUSALS);
    // Not a field: a declaration file could not name it.
    Object.defineProperty(this, MARK, { value: openApp });
  }

  get pipeline(): Pipeline {
    return this.#openApp.definition.pipeline;
  }

  get conversationStartPipeline(): Pipeline | undefined {
    return this.#openApp.definition.conversationStartPipeline;
  }

  get name(): string | undefined {
    return this.#openApp.definition.name;
  }

  get description(): string | undefined {
    return this.#openApp.definition.description;
  }

  get version(): string | undefined {
    return this.#openApp.definition.version;
  }

  /**
   * The app's models outside of a run, for scripts such as one that fills an index. Their usage is
   * counted in the metrics.
   *
   * @throws JimsError `llm_unusable` when a setting in the environment is not valid.
   * @example
   * const vector = await app.llm.createEmbedding('How do I get a refund?');
   */
  get llm(): Llm {
    return this.#openApp.llm;
  }

  /**
   * Opens the store, and brings its tables up to date. When that fails nothing stays open; the next
   * use of the app tries again, with the same options.
   *
   * @throws JimsError `store_invalid` or `store_unavailable`; `app_invalid` for options that differ from
   * those that the app was opened with, and for limits with which nothing could run; `shutting_down` after `close`.
   * @example
   * await app.open({ store: 'postgresql://localhost/chat', limits: { maxRuns: 200 } });
   */
  async open(options: OpenOptions = {}): Promise<{ readonly storeDescription: string }> {
    const { store } = await this.#openApp.open(options);
    return { storeDescription: store.description };
  }

  /**
   * Gives the limits that the app was opened with.
   *
   * @example
   * const { maxRuns } = (await app.limits()).runs;
   */
  async limits(): Promise<{ readonly runs: RunLimits; readonly files: FileLimits }> {
    const { limits: runs, files } = await this.#openApp.opened();
    return { runs, files: files.limits };
  }

  /**
   * Resolves when the database answers.
   *
   * @throws JimsError `store_unavailable` when it does not; as `open`.
   */
  async ping(): Promise<void> {
    const { store } = await this.#openApp.opened();
    await store.ping();
  }

  /**
   * Closes the app: takes no new runs, gives the others `drainMs` milliseconds to finish, stops the
   * rest, and closes the store. Every later use of the app is refused with `shutting_down`. A database
   * that does not answer is not waited for. A second call waits for the same closing.
   *
   * @example
   * process.once('SIGTERM', () => void app.close(10_000));
   */
  close(drainMs = 0): Promise<void> {
    return this.#openApp.close(drainMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Makes an app of a pipeline, or of a pipeline and what goes with it.
 *
 * @throws JimsError `app_invalid` for a pipeline that is not a function, nor an object with a function `run`.
 * @example
 * export const app = defineApp({
 *   name: 'Shop',
 *   pipeline: (ctx) => ctx.sendMessage(ctx.llm.stream(ctx.context())),
 * });
 */
export function defineApp(options: JimsAppOptions | Pipeline): JimsApp {
  const app: JimsAppOptions = isPipeline(options) ? { pipeline: options } : options;
  requirePipeline('pipeline', app?.pipeline);
  const { conversationStartPipeline: start } = app;
  if (start !== undefined) requirePipeline('conversationStartPipeline', start);
  return new JimsApp(app);
}

/** Tells whether a value is a {@link JimsApp}, also one made by another copy of this package. */
export function isJimsApp(value: unknown): value is JimsApp {
  return typeof value === 'object' && value !== null && MARK in value;
}

/** Gives what opens an app, also of one made by another copy of this package. */
export function openAppOf(app: JimsApp): OpenApp {
  const openApp: OpenApp = Reflect.get(app, MARK);
  return openApp;
}
