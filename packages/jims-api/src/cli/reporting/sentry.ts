import type { Logger } from 'jims-core';
import type { TraceIds } from 'jims-core/host';

import { optionalPackage } from './optional-package.ts';

export interface SentryOptions {
  /** False when traces already go to a collector: then Sentry gets only errors. */
  readonly traces: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

export interface Sentry {
  /** `trace` is the span that the error belongs to, when it is known. */
  readonly report: (
    error: Error,
    tags?: Record<string, string | undefined>,
    trace?: TraceIds,
  ) => void;
  readonly flush: () => Promise<void>;
}

const FLUSH_MS = 2000;

/** Nothing that people say: by default Sentry collects bodies, headers and local variables. */
const NO_DATA = {
  userInfo: false,
  cookies: false,
  httpHeaders: false,
  httpBodies: [],
  urlQueryParams: false,
  genAI: { inputs: false, outputs: false },
  mcp: { inputs: false, outputs: false },
  graphQL: { document: false, variables: false },
  databaseQueryData: false,
  queues: false,
  stackFrameVariables: false,
};

/**
 * Reports errors and traces to Sentry: `SENTRY_DSN`, `SENTRY_ENVIRONMENT`, `SENTRY_RELEASE` and
 * `SENTRY_TRACES_SAMPLE_RATE` (default 1) come from the environment. Resolves with `undefined`, after a warning, when
 * the first one names no project.
 *
 * @throws PackageMissingError when the package is not installed.
 */
export async function enableSentry({
  traces,
  env,
  logger,
}: SentryOptions): Promise<Sentry | undefined> {
  const sentry = await optionalPackage(
    '@sentry/node',
    '--enable-sentry',
    () => import('@sentry/node'),
  );
  const dsn = env['SENTRY_DSN']?.trim() ?? '';
  // Sentry itself would say nothing about one that is missing, and print one that is wrong.
  if (!isDsn(dsn)) {
    logger.warn({}, 'nothing is sent to Sentry: set SENTRY_DSN to https://KEY@HOST/PROJECT');
    return undefined;
  }
  const rate = sampleRate(env, logger);
  sentry.init({
    dsn,
    // Without the second option Sentry does not see the spans of jims-core.
    ...(traces && { tracesSampleRate: rate, enableOpenTelemetrySetup: true }),
    // Model providers get no headers of Sentry.
    tracePropagationTargets: [],
    dataCollection: NO_DATA,
    integrations: (defaults) => [
      // Uncaught errors belong to the run that they come from, which reports them.
      ...defaults.filter(({ name }) => !OWN_HANDLERS.has(name) && !REQUESTS.has(name)),
      // A trace is a run. Otherwise each request would be one, too, even scrapes of the metrics, under its
      // address, which may name a person.
      sentry.httpIntegration({ disableIncomingRequestSpans: true }),
    ],
    beforeBreadcrumb: (crumb) => (crumb.category === 'console' ? null : crumb),
  });
  return {
    report(error, tags = {}, trace) {
      const mechanism = { type: 'jims', handled: false };
      const contexts = trace && { trace: { trace_id: trace.traceId, span_id: trace.spanId } };
      const captureContext = { tags, ...(contexts && { contexts }) };
      sentry.captureException(error, { mechanism, captureContext });
    },
    async flush() {
      await sentry.close(FLUSH_MS);
    },
  };
}

function isDsn(text: string): boolean {
  const { protocol, username, pathname } = URL.parse(text) ?? {};
  return /^https?:$/.test(protocol ?? '') && Boolean(username) && /\/\d+$/.test(pathname ?? '');
}

function sampleRate(env: NodeJS.ProcessEnv, logger: Logger): number {
  const rate = Number(env['SENTRY_TRACES_SAMPLE_RATE'] || 1);
  if (rate >= 0 && rate <= 1) return rate;
  logger.warn({}, 'SENTRY_TRACES_SAMPLE_RATE is not a number from 0 to 1: it counts as 1');
  return 1;
}

const OWN_HANDLERS: ReadonlySet<string> = new Set(['OnUncaughtException', 'OnUnhandledRejection']);
/** They add the address of the request to each error, and addresses may name a person. */
const REQUESTS: ReadonlySet<string> = new Set(['Http', 'RequestData']);
