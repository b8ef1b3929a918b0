import type { JimsError } from '../errors/jims-error.ts';
import type { FileLimits } from '../files/file-limits.ts';
import type { LlmProvider } from '../llm/llm.ts';
import type { LlmSettings } from '../llm/settings.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { RunLimits } from '../run/run-limits.ts';
import type { FailedRun } from '../run/run.ts';
import type { FileStore, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What an app is made of, for `defineApp`. */
export interface JimsAppOptions {
  /** Answers the messages of a thread. */
  readonly pipeline: Pipeline;
  /** Runs once in a new thread, before its first message, for clients that ask for it. */
  readonly conversationStartPipeline?: Pipeline;
  /** The app's name where it presents itself: in an agent card, in a list of tools. */
  readonly name?: string;
  /** What the app does, in a sentence or two: models read it to decide whether to use the app. */
  readonly description?: string;
  /** The app's own version, such as `1.4.0`. */
  readonly version?: string;
  /**
   * Whether a run goes on in another process when its own one dies or is stopped, by the results of its
   * steps; see `ThreadContext.step`. Calls of `ctx.llm` are steps then, unless `models` is false. Default:
   * false, and such a run has failed with `lost`.
   */
  readonly durable?: boolean | { readonly models?: boolean };
  /** A store, or the URL of one; see `openStore`. Default: `JIMS_DB_CONN_URI`, else a local SQLite file. */
  readonly store?: Store | string;
  /**
   * Where files are kept, or the URL of that place; see `openFileStore`. Default: `JIMS_FILES`, else with
   * the database.
   */
  readonly files?: FileStore | string;
  /** The models behind `ctx.llm`. What is left out is read from the environment on first use. */
  readonly llm?: LlmSettings | LlmProvider;
}

/** What the program that serves an app decides, for `app.open`. */
export interface OpenOptions {
  /** The URL of a store, instead of the app's own URL. */
  readonly store?: string | undefined;
  /**
   * The schema of the app's threads in a PostgreSQL database that several apps share; see `openStore`.
   * Default: `JIMS_SCHEMA`, else the schema that has the threads.
   */
  readonly schema?: string | undefined;
  /** Replaces some of `DEFAULT_RUN_LIMITS`. */
  readonly limits?: Partial<RunLimits> | undefined;
  /**
   * Where files are kept, instead of the app's own place: the URL of a folder or of a bucket; see
   * `openFileStore`.
   */
  readonly files?: string | undefined;
  /** Replaces some of `DEFAULT_FILE_LIMITS`. */
  readonly fileLimits?: Partial<FileLimits> | undefined;
  /** Default: nothing is logged. */
  readonly logger?: Logger | undefined;
  /** Puts prompts and answers into the spans of model calls; default: as the app's settings say. */
  readonly traceContent?: boolean | undefined;
  /**
   * Keeps what happens in the last 200 runs, for people who look into them: steps, requests to models with
   * their prompts and answers, states, the errors of pipelines. `true`: in memory; or the path of a SQLite
   * file, which is there after a restart. Read by `app.runs.trace`. Default: nothing is kept.
   */
  readonly traces?: boolean | string | undefined;
  /**
   * Whether this process goes on with the durable runs of others, and with what questions wait for.
   * Default true; false for a copy of a database, such as a backup that is looked at.
   */
  readonly recover?: boolean | undefined;
  /** Called for every run that failed, after it was logged. */
  readonly onRunFailed?: ((error: JimsError, run: FailedRun) => void) | undefined;
}

// Kept by the process and not by this module: an app may use another copy of the package.
const KEY = Symbol.for('jims.openOptions');

/**
 * Sets the options of the apps of this process that are used before `open` is called with options. A
 * program that loads an app and then opens it calls this first: then code in the app's module that uses
 * its threads uses the store of the program.
 *
 * @example
 * const options = { store: 'postgresql://localhost/chat' };
 * openByDefault(options);
 * const { app } = await import('./app.ts');
 * await app.open(options);
 */
export function openByDefault(options: OpenOptions): void {
  Reflect.set(globalThis, KEY, options);
}

/** The options that `openByDefault` set. */
export function defaultOpenOptions(): OpenOptions {
  const options: OpenOptions | undefined = Reflect.get(globalThis, KEY);
  return options ?? {};
}
