import type { FailedRun, JimsError, Logger } from 'jims-core';
import { describeError, plainError } from 'jims-core/host';

import { enableSentry } from './sentry.ts';
import { startTracing, tracingIsRequested } from './tracing.ts';

/** Where errors and traces go, besides the log and the metrics. */
export interface Reporting {
  /** Reports an error that nobody caught. */
  readonly report: (error: unknown) => void;
  /** Reports a run that failed: by what its pipeline threw. */
  readonly reportRun: (error: JimsError, run: FailedRun) => void;
  /** Sends what is left before the process ends. Never rejects. */
  readonly flush: () => Promise<void>;
}

export interface ReportingOptions {
  readonly enableSentry: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/**
 * Starts the kinds of reporting that are requested, and loads no others. Must be called before the app is
 * loaded.
 *
 * @throws PackageMissingError when a kind is requested whose package is not installed.
 */
export async function startReporting(options: ReportingOptions): Promise<Reporting> {
  const { env, logger } = options;
  const isTraced = tracingIsRequested(env);
  const endTracing = isTraced ? await startTracing(env, logger) : undefined;
  const sentry = options.enableSentry
    ? await enableSentry({ traces: !isTraced, env, logger })
    : undefined;

  async function end(flush: (() => Promise<void>) | undefined): Promise<void> {
    try {
      await flush?.();
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'the last traces could not be sent');
    }
  }

  return {
    report: (error) => sentry?.report(plainError(error)),
    reportRun(error, { runId, threadId, requestId, trace }) {
      const thrown = error.cause ?? error;
      const tags = { run_id: runId, thread_id: threadId, request_id: requestId };
      sentry?.report(plainError(thrown), tags, trace);
    },
    async flush() {
      await Promise.all([end(endTracing), end(sentry?.flush)]);
    },
  };
}
