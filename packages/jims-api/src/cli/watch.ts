import type { FailedRun, JimsError } from 'jims-core';
import { describeError, plainError } from 'jims-core/host';
import type { Logger } from 'pino';

import { enableSentry } from './reporting/sentry.ts';
import { startTracing, tracingIsAskedFor } from './reporting/tracing.ts';

/** Who is told of what goes on in this process, besides the log and the metrics. */
export interface Watch {
  /** An error that nobody handled. */
  readonly report: (error: unknown) => void;
  /** A run that failed: what its pipeline threw is what matters. */
  readonly reportRun: (error: JimsError, run: FailedRun) => void;
  /** Sends the rest before the process ends. Never rejects. */
  readonly flush: () => Promise<void>;
}

export interface WatchOptions {
  readonly enableSentry: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/**
 * Starts what is asked for, and loads nothing else. To be called before the app is loaded.
 *
 * @throws PackageMissingError when something is asked for that is not installed.
 */
export async function startWatch(options: WatchOptions): Promise<Watch> {
  const { env, logger } = options;
  const traced = tracingIsAskedFor(env);
  const endTracing = traced ? await startTracing(env, logger) : undefined;
  const sentry = options.enableSentry ? await enableSentry({ traces: !traced, env }) : undefined;

  async function end(what: (() => Promise<void>) | undefined): Promise<void> {
    try {
      await what?.();
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
