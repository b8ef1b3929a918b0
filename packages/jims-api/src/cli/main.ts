import v8 from 'node:v8';

import { defineApp, isJimsApp, isJimsError } from 'jims-core';
import type { JimsApp } from 'jims-core';
import { describeError, openByDefault } from 'jims-core/host';
import type { Logger } from 'pino';

import { openOptionsOf } from '../server/node-server/app-service.ts';
import { PortError } from '../server/node-server/listen.ts';
import { flushLog } from '../server/node-server/log-output.ts';
import { createLogger } from '../server/node-server/logger.ts';
import { watchStopSignals } from '../server/node-server/stop-signals.ts';
import { serve } from '../server/serve.ts';
import { packageVersion } from '../version.ts';
import { loadApp } from './app-loading/load-app.ts';
import { AppLoadError } from './app-loading/load-error.ts';
import { ExportError, exportLines } from './export/export.ts';
import type { CommandOptions } from './options/command-options.ts';
import { StartError, readDotEnv } from './options/environment.ts';
import type { Environment } from './options/option-table.ts';
import { UsageError, parseCommandLine } from './options/options.ts';
import type { Command, DevCommand, ServeCommand } from './options/options.ts';
import { PackageMissingError } from './reporting/optional-package.ts';
import { servingOptions } from './serving-options.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const LOOK_FOR_PARENT_MS = 500;

/** The command `jims-api`: reads its options, loads the app, serves it until a signal stops it; or exports. */
async function main(): Promise<void> {
  // The command goes on when the reader of its output is gone.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const before = { ...process.env };
  const environment = readDotEnv(currentFolder(), before);
  Object.assign(process.env, environment);
  const command = parse(environment);
  if (command.kind === 'print') {
    process.stdout.write(command.text);
    return;
  }
  try {
    if (command.kind === 'export') await exportLines(command.options);
    else if (command.kind === 'serve') await run(command);
    else await develop(command, before, () => parse(readDotEnv(currentFolder(), before)));
  } catch (error) {
    await fail(error, command.options);
  }
}

/** @throws StartError when it was removed. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new StartError('The current folder was removed: change to one that exists', { cause });
  }
}

/** Its code is loaded only here: a service does not need it. */
async function develop(
  command: DevCommand,
  env: Environment,
  requireStart: () => void,
): Promise<void> {
  watchStopSignals();
  hangUpWithParent();
  const dev = await import('./dev/dev.ts');
  await dev.develop({ ...command, env, requireStart });
}

async function run({ options, warnings }: ServeCommand): Promise<void> {
  // From now on, although nothing is to be stopped yet: `serve` comes after the app is loaded.
  watchStopSignals();
  hangUpWithParent();
  const logger = createLogger(options);
  for (const warning of warnings) logger.warn(warning);
  logger.debug(
    { node: process.version, version: packageVersion(), ...access(options) },
    'starting',
  );
  const serving = await servingOptions(options, logger);
  // The module of the app may use its threads while it loads.
  openByDefault(openOptionsOf(serving));
  const app = await load(options, logger);
  keepRequestsYoung();
  await serve(app, serving);
}

/**
 * Else V8 takes what many requests at once hold for what lives long, makes it in the old part of the heap from then on,
 * and keeps each request with it until a full collection. Only now, as code that was compiled before without this
 * flag, such as Node's own, would be compiled again.
 */
function keepRequestsYoung(): void {
  v8.setFlagsFromString('--no-allocation-site-pretenuring');
}

async function load({ app: reference, loader }: CommandOptions, logger: Logger): Promise<JimsApp> {
  const begun = performance.now();
  const loaded = await loadApp(reference, { cwd: process.cwd(), loader, logger });
  logger.debug({ ms: Math.round(performance.now() - begun) }, 'the app is loaded');
  return isJimsApp(loaded) ? loaded : defineApp(loaded);
}

function parse(env: Environment): Command {
  return parseCommandLine(process.argv.slice(2), env, packageVersion());
}

/** How callers are recognised, without the keys. */
function access({ apiKeys, oidc, authentik }: CommandOptions): object {
  return { apiKeys: apiKeys.length, oidc: oidc?.issuer, authentik: authentik?.url };
}

/**
 * Under an older Node the command runs as a child of the process that was started, which passes signals
 * on. When that process is gone, nobody would stop the command any more.
 */
function hangUpWithParent(): void {
  const parent = Number(process.env['JIMS_API_PARENT']);
  // Not for the programs that the app starts.
  delete process.env['JIMS_API_PARENT'];
  if (process.ppid !== parent) return;
  const looking = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(looking);
    process.emit('SIGHUP', 'SIGHUP');
  }, LOOK_FOR_PARENT_MS).unref();
}

/** Prints why the command ends: one line for an error that the user can fix, otherwise a trace, too. */
async function fail(error: unknown, { verbose }: { readonly verbose: boolean }): Promise<never> {
  await flushLog();
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_USAGE);
  }
  const explanation = explanationOf(error);
  const lines = explanation === undefined ? [describeError(error).message] : [explanation];
  if (verbose || explanation === undefined) lines.push(...stacks(describeError(error)));
  process.stderr.write(`jims-api: ${lines.join('\n')}\n`);
  process.exit(EXIT_FAILURE);
}

/** The message of an error that says what to do. */
function explanationOf(error: unknown): string | undefined {
  if (error instanceof PortError) {
    const flags = error.options.map((name) => `--${name.replace(/[A-Z]/, '-$&').toLowerCase()}`);
    return `${error.problem} (${flags.join(', ')})`;
  }
  const isExplained =
    error instanceof StartError ||
    error instanceof AppLoadError ||
    error instanceof PackageMissingError ||
    error instanceof ExportError ||
    isJimsError(error);
  return isExplained ? describeError(error).message : undefined;
}

/** The traces of an error and of its causes. */
function stacks({ stack, message, cause }: ReturnType<typeof describeError>): readonly string[] {
  return [stack ?? message, ...(cause ? stacks(cause) : [])];
}

try {
  await main();
} catch (error) {
  await fail(error, { verbose: false });
}
