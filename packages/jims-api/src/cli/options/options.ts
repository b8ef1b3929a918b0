import type { CommandOptions } from './command-options.ts';
import { commandOptions } from './command-options.ts';
import { EXAMPLES, HEAD, OPTIONS, OPTION_GROUPS } from './command-table.ts';
import type { Given } from './command-table.ts';
import { DEV_OPTIONS, devHelp, devOptions } from './dev-options.ts';
import type { DevOptionName, DevOptions } from './dev-options.ts';
import { ownVariables } from './environment.ts';
import { exportHelp, parseExport } from './export-options.ts';
import type { ExportOptions } from './export-options.ts';
import { GivenOptions, UsageError } from './given-options.ts';
import { helpText } from './option-table.ts';
import type { Environment } from './option-table.ts';
import { webhookWarnings } from './webhook-options.ts';

export { UsageError };

export interface ServeCommand {
  readonly kind: 'serve';
  readonly options: CommandOptions;
  /** What was given and is ignored or incomplete, each in a sentence. */
  readonly warnings: readonly string[];
}
export interface ExportCommand {
  readonly kind: 'export';
  readonly options: ExportOptions;
}
export interface DevCommand {
  readonly kind: 'dev';
  readonly options: DevOptions;
  readonly warnings: readonly string[];
}
export type Command =
  | ServeCommand
  | DevCommand
  | ExportCommand
  | { readonly kind: 'print'; readonly text: string };

/**
 * Reads the command line and the environment; flags win.
 *
 * @throws UsageError for what cannot be understood, and for half a configuration that would leave
 * the service open or locked.
 */
export function parseCommandLine(
  argv: readonly string[],
  env: Environment,
  version: string,
): Command {
  if (argv[0] === 'export') return exportCommand(argv.slice(1), env);
  if (argv[0] === 'dev') return devCommand(argv.slice(1), env);
  const help = {
    kind: 'print',
    text: helpText(OPTION_GROUPS, { head: HEAD, examples: EXAMPLES }),
  } as const;
  if (argv.includes('--help')) return help;
  const own = ownVariables(OPTIONS, env);
  const given: Given = new GivenOptions(OPTIONS, argv, own.env);
  if (given.flag('help')) return help;
  if (given.flag('version')) return { kind: 'print', text: `jims-api ${version}\n` };
  const options = commandOptions(given, env);
  return { kind: 'serve', options, warnings: [...own.warnings, ...webhookWarnings(options)] };
}

function exportCommand(argv: readonly string[], env: Environment): Command {
  const options = argv.includes('--help') ? undefined : parseExport(argv, env);
  return options ? { kind: 'export', options } : { kind: 'print', text: exportHelp() };
}

function devCommand(argv: readonly string[], env: Environment): Command {
  if (argv.includes('--help')) return { kind: 'print', text: devHelp() };
  const own = ownVariables(DEV_OPTIONS, env);
  const given = new GivenOptions<DevOptionName>(DEV_OPTIONS, argv, own.env, 1);
  if (given.flag('help')) return { kind: 'print', text: devHelp() };
  const options = devOptions(given, commandOptions(given, env));
  return { kind: 'dev', options, warnings: [...own.warnings, ...webhookWarnings(options)] };
}
