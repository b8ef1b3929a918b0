/** `--enable-sentry` was given, and the package for it is missing. */
export class SentryMissingError extends Error {
  override readonly name = 'SentryMissingError';
}

/** What is used of `@sentry/node`, which is an optional peer. */
interface Sentry {
  init(options: object): unknown;
  close(timeoutMs: number): PromiseLike<boolean>;
}

const FLUSH_MS = 2000;

/**
 * Reports errors and traces to Sentry: `SENTRY_DSN`, `SENTRY_ENVIRONMENT` from the environment.
 * Resolves with what sends the rest before the process ends.
 *
 * @throws SentryMissingError when the package is not installed.
 */
export async function enableSentry(): Promise<() => Promise<unknown>> {
  const sentry = await importSentry();
  sentry.init({
    tracesSampleRate: 1,
    // Without it Sentry ignores the spans of jims-core.
    enableOpenTelemetrySetup: true,
    tracePropagationTargets: [],
    sendDefaultPii: false,
    dataCollection: { genAI: { inputs: false, outputs: false } },
  });
  return async () => sentry.close(FLUSH_MS);
}

async function importSentry(): Promise<Sentry> {
  const name = '@sentry/node';
  try {
    const sentry: Sentry = await import(name);
    return sentry;
  } catch (cause) {
    throw new SentryMissingError(`--enable-sentry needs the package ${name}: npm install ${name}`, {
      cause,
    });
  }
}
