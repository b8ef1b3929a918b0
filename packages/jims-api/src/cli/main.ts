import { defineApp, isJimsApp, isJimsError } from 'jims-core';
import type { JimsApp } from 'jims-core';
import { describeError, failCurrentRun, openByDefault } from 'jims-core/host';
import type { Logger } from 'pino';

import { isSecured } from '../auth/authenticate.ts';
import { isLoopback } from '../server/hosts.ts';
import { PortError } from '../server/listen.ts';
import { packageVersion } from '../version.ts';
import { AppLoadError, loadApp } from './app-loading/load-app.ts';
import { PackageMissingError } from './optional-package.ts';
import { StartError, readDotEnv } from './options/dot-env.ts';
import { UsageError, parseCommandLine } from './options/options.ts';
import type { ServeCommand, ServeOptions } from './options/options.ts';
import { createLogOutput } from './reporting/log-output.ts';
import { createLogger } from './reporting/logger.ts';
import { openOptions, serve } from './serve.ts';
import type { Service } from './serve.ts';
import { listenForSignals } from './stop-signals.ts';
import { startWatch } from './watch.ts';
import type { Watch } from './watch.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const output = createLogOutput();

/** The command `jims-api`: reads its options, loads the app, serves it until it is told to stop. */
async function main(): Promise<void> {
  // A reader of the output that is gone does not end the command.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const env = readDotEnv(currentFolder(), process.env);
  Object.assign(process.env, env);
  const command = parseCommandLine(process.argv.slice(2), env, packageVersion());
  if (command.kind === 'print') {
    process.stdout.write(command.text);
    return;
  }
  try {
    await run(command);
  } catch (error) {
    await fail(error, command.options);
  }
}

/** @throws StartError when it was removed. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new StartError('The current folder was removed: change to one that is there', { cause });
  }
}

async function run({ options, warnings }: ServeCommand): Promise<void> {
  const signals = listenForSignals();
  const pretty = process.stderr.isTTY;
  const logger = createLogger({ verbose: options.verbose, pretty, output });
  for (const warning of warnings) logger.warn(warning);
  logger.debug({ node: process.version, version: packageVersion(), ...wayIn(options) }, 'starting');
  const watch = await startWatch({ ...options, env: process.env, logger });
  const open = openOptions(options, { logger, onRunFailed: watch.reportRun });
  // An app may use its threads while it is loaded: to make some, or to look how far it came.
  openByDefault(open);
  const app = await load(options, logger);
  survivePipelines(logger, watch);
  const service = await serve(app, { ...options, open }, logger);
  signals.onStop((signal) => void stop(signal, { service, logger, watch }));
  logger.info({ ...service.address, protocols: options.protocols }, 'listening');
  warnIfOpen(options, logger);
}

async function load({ app: reference, loader }: ServeOptions, logger: Logger): Promise<JimsApp> {
  const begun = performance.now();
  const loaded = await loadApp(reference, { cwd: process.cwd(), loader, logger });
  logger.debug({ ms: Math.round(performance.now() - begun) }, 'the app is loaded');
  return isJimsApp(loaded) ? loaded : defineApp(loaded);
}

/** An error that a pipeline left behind fails its run, and not the process with everybody's runs. */
function survivePipelines(logger: Logger, watch: Watch): void {
  async function end(): Promise<never> {
    await watch.flush();
    await output.flush();
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

/** How callers are let in, without the keys. */
function wayIn({ apiKeys, oidc, authentik }: ServeOptions): object {
  return { apiKeys: apiKeys.length, oidc: oidc?.issuer, authentik: authentik?.url };
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
    await output.flush();
    process.exit(0);
  } catch (error) {
    logger.fatal({ error: describeError(error) }, 'cannot stop cleanly');
    await output.flush();
    process.exit(EXIT_FAILURE);
  }
}

/** Prints why the command ends: one line for what a user can mend, else a trace, too. */
async function fail(error: unknown, { verbose }: { readonly verbose: boolean }): Promise<never> {
  await output.flush();
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_USAGE);
  }
  const described = describeError(error);
  const lines = isExplained(error) ? [described.message] : [];
  if (verbose || !isExplained(error)) lines.push(...stacks(described));
  process.stderr.write(`jims-api: ${lines.join('\n')}\n`);
  process.exit(EXIT_FAILURE);
}

/** The traces of an error and of what it was caused by. */
function stacks({ stack, message, cause }: ReturnType<typeof describeError>): readonly string[] {
  return [stack ?? message, ...(cause ? stacks(cause) : [])];
}

/** Errors whose message says what to do. */
function isExplained(error: unknown): error is Error {
  return (
    error instanceof StartError ||
    error instanceof AppLoadError ||
    error instanceof PortError ||
    error instanceof PackageMissingError ||
    isJimsError(error)
  );
}

try {
  await main();
} catch (error) {
  await fail(error, { verbose: false });
}
