import type { JimsError } from '../errors/jims-error.ts';
import type { FailedRun, RunLimits } from '../run/run.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What the program that serves an app may decide about it. */
export interface OpenOptions {
  /** A connection URL that goes before the app's own. */
  readonly store?: string | undefined;
  /**
   * The schema of the app's threads in a PostgreSQL database with several apps; see `openStore`.
   * Default: `JIMS_SCHEMA`, else where the threads are.
   */
  readonly schema?: string | undefined;
  readonly limits?: Partial<RunLimits> | undefined;
  readonly logger?: Logger | undefined;
  /** Puts prompts and answers into the spans of model calls; default: as the app's settings say. */
  readonly traceContent?: boolean | undefined;
  /** Is told of every run that failed, after the log. */
  readonly onRunFailed?: ((error: JimsError, run: FailedRun) => void) | undefined;
}

// Kept by the process and not by this module: an app may use another copy of the package.
const KEY = Symbol.for('jims.openOptions');

/**
 * Sets the options of every app of this process that is used before it is opened with others. For
 * programs that load an app and then open it: what the app's module does with its threads while it is
 * loaded, is done in the store that the program has for it.
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

/** What `openByDefault` set. */
export function defaultOpenOptions(): OpenOptions {
  const options: OpenOptions | undefined = Reflect.get(globalThis, KEY);
  return options ?? {};
}
