import type { CommandOptions } from './command-options.ts';
import { OPTIONS, OPTION_GROUPS } from './command-table.ts';
import type { GivenOptions } from './given-options.ts';
import { UsageError } from './given-options.ts';
import { helpText } from './option-table.ts';
import type { OptionGroups, OptionTable } from './option-table.ts';

/** What `jims-api dev` is to serve, and how. */
export interface DevOptions extends Omit<CommandOptions, 'app'> {
  /** `FILE` or `FILE:EXPORT`; `undefined` when nothing was named. */
  readonly app: string | undefined;
  /** The database to use when neither the options nor the app name one. */
  readonly defaultStore: string;
  /** Whether to open the page in a browser. */
  readonly open: boolean;
}

/** In a folder that git ignores. */
const DEV_STORE = 'sqlite:///.jims/dev.db';
const DEV_TRACES = '.jims/traces.db';
const ON = 'on';

const { App, Network, Access } = OPTION_GROUPS;

/** The options of `jims-api dev`: those of `jims-api`, and more. */
export const DEV_OPTIONS = {
  ...OPTIONS,
  // There are none by default, which no other port can collide with.
  'metrics-port': { ...Network['metrics-port'], default: '0' },
  open: { type: 'flag', help: 'Open the page in your browser' },
} as const satisfies OptionTable;

export type DevOptionName = keyof typeof DEV_OPTIONS;

/** As the help shows them. */
const SHOWN = {
  ...OPTION_GROUPS,
  App: {
    ...App,
    app: { ...App.app, default: 'app.ts, app.js, src/app.ts or src/app.js, else a built-in one' },
    db: { ...App.db, default: `that of the app, else ${DEV_STORE}` },
    open: DEV_OPTIONS.open,
  },
  Network: {
    ...Network,
    host: { ...Network.host, default: '127.0.0.1' },
    port: { ...Network.port, default: '8080, or the next free one' },
    'metrics-port': { ...Network['metrics-port'], default: 'no metrics' },
    playground: { ...Network.playground, default: ON },
    widget: { ...Network.widget, default: ON },
  },
  Access: { ...Access, 'expose-errors': { ...Access['expose-errors'], default: ON } },
} as const satisfies OptionGroups;

const HEAD = `Usage: jims-api dev [FILE] [OPTIONS]

Serves an app that you work on, on this machine alone, with a page to talk with it and to see what happens
in it. A file that you save is live at once: runs that have begun end with the code that they began with.
FILE is a module that exports an app, as --app takes it, such as ./app.ts or ./app.ts:support.
`;

const EXAMPLES = `Examples:
  jims-api dev
  jims-api dev ./bot.ts --open
`;

/** The text of `jims-api dev --help`. */
export function devHelp(): string {
  return helpText(SHOWN, { head: HEAD, examples: EXAMPLES });
}

/** What of the options of the ordinary command is another by default. */
export function devOptions(
  given: GivenOptions<DevOptionName>,
  options: CommandOptions,
): DevOptions {
  const flag = (name: DevOptionName): boolean => given.get(name) === undefined || given.flag(name);
  const [file] = given.words;
  const named = given.get('app');
  if (file !== undefined && named?.from === 'flag') {
    throw new UsageError(`Both ${file} and --app ${named.values.at(-1)} were given: name one app.`);
  }
  return {
    ...options,
    app: file ?? given.text('app'),
    ...(given.get('host') === undefined && { host: '127.0.0.1' }),
    ...(given.get('metrics-port') === undefined && { metricsPort: false }),
    exposeErrors: flag('expose-errors'),
    playground: flag('playground'),
    traces: flag('playground') ? DEV_TRACES : undefined,
    widget: flag('widget'),
    // Always checked: nothing but this machine is meant to call.
    allowedHosts: options.allowedHosts ?? [],
    defaultStore: DEV_STORE,
    open: given.flag('open'),
  };
}
