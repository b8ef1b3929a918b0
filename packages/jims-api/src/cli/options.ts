import type { AuthenticateOptions } from '../http/auth/authenticate.ts';
import { CLIENT_EVENT_TYPES } from '../http/event-types.ts';
import { ACCESS_GROUP, ACCESS_OPTIONS, accessOptions } from './access-options.ts';
import { helpText } from './help-text.ts';
import { UsageError, asFlag, asInteger, readOptions } from './option-table.ts';
import type { Environment, Given, OptionSpec, OptionTable } from './option-table.ts';

export { UsageError };

/** Everything that the command can be told. */
export interface ServeOptions extends AuthenticateOptions {
  readonly app: string;
  readonly loader: Loader;
  readonly host: string;
  readonly port: number;
  readonly metricsHost: string | undefined;
  readonly metricsPort: number;
  readonly db: string | undefined;
  readonly enableSentry: boolean;
  readonly verbose: boolean;
  readonly exposeErrors: boolean;
  readonly sharedThreads: boolean;
  readonly allowedEventTypes: readonly string[];
  readonly maxBodyBytes: number;
  readonly drainTimeoutMs: number;
  readonly limits: {
    readonly timeoutMs: number;
    readonly maxRuns: number;
    readonly queueLimit: number;
  };
}

export type Loader = (typeof LOADERS)[number];
export type Command =
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | { readonly kind: 'print'; readonly text: string };

const LOADERS = ['auto', 'native', 'tsx'] as const;
const MAX_PORT = 65_535;

const APP = 'App';
const NETWORK = 'Network';
const LIMITS = 'Limits';
const WATCHING = 'Watching';

const OPTIONS = {
  app: {
    type: 'text',
    group: APP,
    default: 'app',
    help: 'The app: FILE:EXPORT, such as ./app.ts:app',
  },
  db: {
    type: 'text',
    group: APP,
    default: 'sqlite:///jims.db',
    variables: ['JIMS_DB_CONN_URI'],
    help: 'Where threads are kept: sqlite:///FILE or postgresql://USER@HOST/DATABASE',
  },
  loader: {
    type: 'text',
    group: APP,
    default: 'auto',
    help: 'How TypeScript is loaded: auto, native or tsx',
  },
  host: { type: 'text', group: NETWORK, default: '0.0.0.0', help: 'Address to listen on' },
  port: { type: 'integer', group: NETWORK, default: '8080', help: 'Port of the API' },
  'metrics-host': {
    type: 'text',
    group: NETWORK,
    default: 'as --host',
    help: 'Address of the metrics',
  },
  'metrics-port': {
    type: 'integer',
    group: NETWORK,
    default: '8000',
    help: 'Port of the Prometheus metrics',
  },
  ...ACCESS_OPTIONS,
  'shared-threads': {
    type: 'flag',
    group: ACCESS_GROUP,
    help: 'Let any caller use any thread whose id it knows, as the Python original does',
  },
  'allowed-event-types': {
    type: 'text',
    group: ACCESS_GROUP,
    several: true,
    default: CLIENT_EVENT_TYPES.join(','),
    help: 'Event types that clients may send; * stands for anything, ! forbids',
  },
  'expose-errors': {
    type: 'flag',
    group: ACCESS_GROUP,
    help: 'Show the text of pipeline errors to clients; for development',
  },
  'max-body-size': {
    type: 'integer',
    group: LIMITS,
    default: '4194304',
    help: 'Bytes of a request body',
  },
  'run-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '300',
    help: 'Seconds a pipeline may take',
  },
  'drain-timeout': {
    type: 'integer',
    group: LIMITS,
    default: '30',
    help: 'Seconds that runs get to finish when the service is stopped',
  },
  'max-runs': {
    type: 'integer',
    group: LIMITS,
    default: '1024',
    help: 'Runs at once in this process',
  },
  'queue-limit': {
    type: 'integer',
    group: LIMITS,
    default: '64',
    help: 'Messages that may wait in a thread',
  },
  'enable-sentry': { type: 'flag', group: WATCHING, help: 'Report errors and traces to Sentry' },
  verbose: { type: 'flag', group: WATCHING, help: 'Log more' },
  version: { type: 'flag', group: WATCHING, help: 'Show the version and exit' },
  help: { type: 'flag', group: WATCHING, help: 'Show this message and exit' },
} as const satisfies OptionTable;

type OptionName = keyof typeof OPTIONS;

/**
 * Reads the command line: flags go before the environment.
 *
 * @throws UsageError for what cannot be understood, and for half a configuration that would leave
 * the service open or locked.
 */
export function parseCommandLine(
  argv: readonly string[],
  env: Environment,
  version: string,
): Command {
  if (argv.includes('--help')) return { kind: 'print', text: helpText(OPTIONS) };
  const given: Lookup = readOptions(OPTIONS, argv, env);
  if (flag(given, 'help')) return { kind: 'print', text: helpText(OPTIONS) };
  if (flag(given, 'version')) return { kind: 'print', text: `jims-api ${version}\n` };
  return { kind: 'serve', options: serveOptions(given, env) };
}

type Lookup = (name: OptionName) => Given | undefined;

function serveOptions(given: Lookup, env: Environment): ServeOptions {
  const port = integer(given, 'port', { max: MAX_PORT });
  const metricsPort = integer(given, 'metrics-port', { max: MAX_PORT });
  if (port === metricsPort && port !== 0) {
    throw new UsageError(`--port and --metrics-port are both ${port}: choose another one.`);
  }
  return {
    app: text(given, 'app') ?? 'app',
    loader: loader(given),
    host: text(given, 'host') ?? '0.0.0.0',
    port,
    metricsHost: text(given, 'metrics-host'),
    metricsPort,
    db: text(given, 'db'),
    ...accessOptions(given, env),
    enableSentry: flag(given, 'enable-sentry'),
    verbose: flag(given, 'verbose'),
    exposeErrors: flag(given, 'expose-errors'),
    sharedThreads: flag(given, 'shared-threads'),
    allowedEventTypes: given('allowed-event-types')?.values ?? CLIENT_EVENT_TYPES,
    maxBodyBytes: integer(given, 'max-body-size', { min: 1 }),
    drainTimeoutMs: integer(given, 'drain-timeout') * 1000,
    limits: {
      timeoutMs: integer(given, 'run-timeout', { min: 1, max: 2_000_000 }) * 1000,
      maxRuns: integer(given, 'max-runs', { min: 1 }),
      queueLimit: integer(given, 'queue-limit'),
    },
  };
}

function text(given: Lookup, name: OptionName): string | undefined {
  return given(name)?.values.at(-1);
}

function flag(given: Lookup, name: OptionName): boolean {
  return asFlag(name, text(given, name) ?? 'false');
}

function integer(
  given: Lookup,
  name: OptionName,
  range: { min?: number; max?: number } = {},
): number {
  const spec: OptionSpec = OPTIONS[name];
  return asInteger(name, text(given, name) ?? spec.default ?? '', range);
}

function loader(given: Lookup): Loader {
  const word = text(given, 'loader') ?? 'auto';
  const known = LOADERS.find((each) => each === word);
  if (known) return known;
  throw new UsageError(`Invalid value for '--loader': '${word}' is none of ${LOADERS.join(', ')}.`);
}
