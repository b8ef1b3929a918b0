import { defineApp, describeError, failCurrentRun, isJimsApp, isJimsError } from 'jims-core';
import type { JimsApp } from 'jims-core';
import type { Logger } from 'pino';

import { isSecured } from '../http/auth/authenticate.ts';
import { isLoopback } from '../http/hosts.ts';
import { packageVersion } from '../version.ts';
import { readDotEnv } from './dot-env.ts';
import { PortError } from './listen.ts';
import { AppLoadError, loadApp } from './load-app.ts';
import { createLogger } from './logger.ts';
import { PackageMissingError } from './optional-package.ts';
import { UsageError, parseCommandLine } from './options.ts';
import type { ServeOptions } from './options.ts';
import { serve } from './serve.ts';
import type { Service } from './serve.ts';
import { listenForSignals } from './stop-signals.ts';
import { startWatch } from './watch.ts';
import type { Watch } from './watch.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** The command `jims-api`: reads its options, loads the app, serves it until it is told to stop. */
async function main(): Promise<void> {
  const env = readDotEnv(process.cwd(), process.env);
  Object.assign(process.env, env);
  const command = parseCommandLine(process.argv.slice(2), env, packageVersion());
  if (command.kind === 'print') {
    process.stdout.write(command.text);
    return;
  }
  await run(command.options);
}

async function run(options: ServeOptions): Promise<void> {
  const signals = listenForSignals();
  const pretty = process.stderr.isTTY;
  const logger = createLogger({ verbose: options.verbose, pretty });
  const watch = await startWatch({ ...options, env: process.env, logger });
  const app = await load(options);
  survivePipelines(logger, watch);
  const service = await serve(app, { ...options, onRunFailed: watch.reportRun }, logger);
  signals.onStop((signal) => void stop(signal, { service, logger, watch }));
  logger.info({ ...service.address, protocols: options.protocols }, 'listening');
  warnIfOpen(options, logger);
}

async function load({ app: reference, loader }: ServeOptions): Promise<JimsApp> {
  const idle = Promise.withResolvers<never>();
  const onIdle = (): void =>
    idle.reject(new AppLoadError(`'${reference}' waits for something that never comes`));
  process.once('beforeExit', onIdle);
  const loading = loadApp(reference, { cwd: process.cwd(), loader });
  const loaded = await Promise.race([loading, idle.promise]);
  process.off('beforeExit', onIdle);
  return isJimsApp(loaded) ? loaded : defineApp(loaded);
}

/** An error that a pipeline left behind fails its run, and not the process with everybody's runs. */
function survivePipelines(logger: Logger, watch: Watch): void {
  async function end(): Promise<never> {
    await watch.flush();
    process.exit(EXIT_FAILURE);
  }
  process.on('unhandledRejection', (reason) => {
    if (failCurrentRun(reason)) return;
    watch.report(reason);
    logger.error({ error: describeError(reason) }, 'a rejected promise that nobody waits for');
  });
  process.on('uncaughtException', (error) => {
    if (failCurrentRun(error)) return;
    logger.fatal({ error: describeError(error) }, 'uncaught exception: the process ends');
    watch.report(error);
    void end();
  });
}

function warnIfOpen(options: ServeOptions, logger: Logger): void {
  const { host } = options;
  if (isSecured(options) || isLoopback(host)) return;
  logger.warn(
    { host },
    'OPEN ACCESS: anyone who reaches this port may talk as any contact. Set JIMS_API_KEY, or --host 127.0.0.1',
  );
}

async function stop(
  signal: NodeJS.Signals,
  { service, logger, watch }: { service: Service; logger: Logger; watch: Watch },
): Promise<void> {
  logger.info({ signal }, 'stopping: runs are finished first, a second signal ends at once');
  try {
    await service.stop();
    await watch.flush();
    logger.info('stopped');
    process.exit(0);
  } catch (error) {
    logger.fatal({ error: describeError(error) }, 'cannot stop cleanly');
    process.exit(EXIT_FAILURE);
  }
}

/** One line for what a user can mend; a trace only for what he cannot. */
function explain(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof UsageError) return { text: error.message, code: EXIT_USAGE };
  if (isExplained(error)) {
    return { text: `jims-api: ${error.message}`, code: EXIT_FAILURE };
  }
  const { stack, message } = describeError(error);
  return { text: `jims-api: ${stack ?? message}`, code: EXIT_FAILURE };
}

/** Errors whose message says what to do. */
function isExplained(error: unknown): error is Error {
  return (
    error instanceof AppLoadError ||
    error instanceof PortError ||
    error instanceof PackageMissingError ||
    isJimsError(error)
  );
}

try {
  await main();
} catch (error) {
  const { text, code } = explain(error);
  process.stderr.write(`${text}\n`);
  process.exit(code);
}
