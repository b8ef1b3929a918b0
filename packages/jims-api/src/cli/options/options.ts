import { isIP } from 'node:net';

import type { OnBusy } from 'jims-core';

import { isSecured } from '../../auth/authenticate.ts';
import type { AuthenticateOptions } from '../../auth/authenticate.ts';
import { CLIENT_EVENT_TYPES } from '../../chat/event-types.ts';
import { isOrigin } from '../../http/cors.ts';
import { publicAddress } from '../../http/public-address.ts';
import { isProtocolName } from '../../protocols/registry.ts';
import type { ProtocolName } from '../../protocols/registry.ts';
import { isHostName, isLoopback } from '../../server/hosts.ts';
import { accessOptions } from './access-options.ts';
import { helpText } from './help-text.ts';
import { meantVariables } from './meant-variables.ts';
import { UsageError, asFlag, asInteger, readOptions } from './option-table.ts';
import type { Environment, Given, OptionSpec } from './option-table.ts';
import { ALL_PROTOCOLS, OPTIONS } from './serve-options.ts';
import type { OptionName } from './serve-options.ts';

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
  readonly schema: string | undefined;
  readonly enableSentry: boolean;
  readonly traceContent: boolean;
  readonly verbose: boolean;
  readonly exposeErrors: boolean;
  readonly sharedThreads: boolean;
  readonly allowedEventTypes: readonly string[];
  readonly maxBodyBytes: number;
  readonly maxMessageBytes: number;
  readonly maxConfigBytes: number;
  readonly maxStreams: number;
  readonly maxStreamsPerCaller: number | undefined;
  readonly readerTimeoutMs: number;
  readonly requireContactHeader: boolean;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly corsOrigins: readonly string[];
  readonly allowedHosts: readonly string[] | undefined;
  readonly publicUrl: string | undefined;
  readonly protocols: readonly ProtocolName[];
  readonly drainTimeoutMs: number;
  readonly limits: {
    readonly timeoutMs: number;
    readonly maxRuns: number;
    readonly maxRunsPerCaller: number | undefined;
    readonly queueLimit: number;
    readonly onBusy: OnBusy;
    readonly leaseMs: number;
    readonly maxThreadSize: number;
    readonly idempotencyTtlMs: number;
    readonly retentionMs: number | undefined;
  };
}

type Loader = (typeof LOADERS)[number];
export interface ServeCommand {
  readonly kind: 'serve';
  readonly options: ServeOptions;
  /** What was given and is not heeded, each in a sentence. */
  readonly warnings: readonly string[];
}
export type Command = ServeCommand | { readonly kind: 'print'; readonly text: string };

const ON_BUSY = ['queue', 'reject', 'interrupt'] as const;
const LOADERS = ['auto', 'native', 'tsx'] as const;
const MAX_PORT = 65_535;
const DAY_MS = 86_400_000;

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
  const { env: meant, warnings } = meantVariables(OPTIONS, env);
  const given: Lookup = readOptions(OPTIONS, argv, meant);
  if (flag(given, 'help')) return { kind: 'print', text: helpText(OPTIONS) };
  if (flag(given, 'version')) return { kind: 'print', text: `jims-api ${version}\n` };
  return { kind: 'serve', options: serveOptions(given, env), warnings };
}

type Lookup = (name: OptionName) => Given | undefined;

function serveOptions(given: Lookup, env: Environment): ServeOptions {
  const port = integer(given, 'port', { max: MAX_PORT });
  const metricsPort = integer(given, 'metrics-port', { max: MAX_PORT });
  if (port === metricsPort && port !== 0) {
    throw new UsageError(`--port and --metrics-port are both ${port}: choose another one.`);
  }
  const host = listenHost(given, 'host') ?? '0.0.0.0';
  const access = accessOptions(given, env);
  return {
    app: text(given, 'app') ?? 'app',
    loader: oneOf(given, 'loader', LOADERS),
    host,
    port,
    metricsHost: listenHost(given, 'metrics-host'),
    metricsPort,
    db: text(given, 'db'),
    schema: text(given, 'schema'),
    ...access,
    requireContactHeader: flag(given, 'require-contact-header'),
    enableSentry: flag(given, 'enable-sentry'),
    traceContent: flag(given, 'trace-content'),
    verbose: flag(given, 'verbose'),
    exposeErrors: flag(given, 'expose-errors'),
    sharedThreads: flag(given, 'shared-threads'),
    allowedEventTypes: list(given, 'allowed-event-types') ?? CLIENT_EVENT_TYPES,
    maxBodyBytes: integer(given, 'max-body-size', { min: 1 }),
    maxMessageBytes: integer(given, 'max-message-size', { min: 1 }),
    maxConfigBytes: integer(given, 'max-config-size', { min: 1 }),
    maxStreams: integer(given, 'max-streams', { min: 1 }),
    maxStreamsPerCaller: integerIfGiven(given, 'max-streams-per-caller', { min: 1 }),
    readerTimeoutMs: integer(given, 'reader-timeout', { min: 1, max: 2_000_000 }) * 1000,
    requestTimeoutMs: integer(given, 'request-timeout', { min: 1, max: 2_000_000 }) * 1000,
    keepAliveTimeoutMs: integer(given, 'keep-alive-timeout', { min: 1, max: 2_000_000 }) * 1000,
    corsOrigins: corsOrigins(given),
    allowedHosts: allowedHosts(given, { host, secured: isSecured(access) }),
    publicUrl: publicUrl(given),
    protocols: protocols(given),
    drainTimeoutMs: integer(given, 'drain-timeout') * 1000,
    limits: {
      timeoutMs: integer(given, 'run-timeout', { min: 1, max: 2_000_000 }) * 1000,
      maxRuns: integer(given, 'max-runs', { min: 1 }),
      maxRunsPerCaller: integerIfGiven(given, 'max-runs-per-caller', { min: 1 }),
      queueLimit: integer(given, 'queue-limit'),
      onBusy: oneOf(given, 'on-busy', ON_BUSY),
      leaseMs: integer(given, 'lease-timeout', { min: 1, max: 3600 }) * 1000,
      maxThreadSize: integer(given, 'max-thread-size', { min: 1 }),
      idempotencyTtlMs: integer(given, 'idempotency-ttl', { min: 1 }) * 1000,
      retentionMs: given('retention-days')
        ? integer(given, 'retention-days', { min: 1, max: 36_500 }) * DAY_MS
        : undefined,
    },
  };
}

function text(given: Lookup, name: OptionName): string | undefined {
  return given(name)?.values.at(-1);
}

/** A host to listen on, without the brackets that an IPv6 address has in URLs. */
function listenHost(given: Lookup, name: OptionName): string | undefined {
  const value = text(given, name);
  if (value === undefined) return undefined;
  const host = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
  if (isIP(host) || /^[\w.-]+$/.test(host)) return host;
  throw new UsageError(
    `Invalid value for '--${name}': '${value}' is not an address such as 0.0.0.0, [::] or localhost. The port has an option of its own.`,
  );
}

/** As {@link text}, with commas between the items in a flag, too. */
function list(given: Lookup, name: OptionName): readonly string[] | undefined {
  return given(name)?.values.flatMap((each) => each.split(',').map((item) => item.trim()));
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

function integerIfGiven(
  given: Lookup,
  name: OptionName,
  range: { min?: number; max?: number },
): number | undefined {
  return given(name) ? integer(given, name, range) : undefined;
}

function oneOf<TWord extends string>(
  given: Lookup,
  name: OptionName,
  words: readonly TWord[],
): TWord {
  const spec: OptionSpec = OPTIONS[name];
  const word = text(given, name) ?? spec.default;
  const known = words.find((each) => each === word);
  if (known) return known;
  throw new UsageError(`Invalid value for '--${name}': '${word}' is none of ${words.join(', ')}.`);
}

function protocols(given: Lookup): readonly ProtocolName[] {
  const names = given('protocols')?.values.flatMap((each) => each.split(',')) ?? ['all'];
  if (names.includes('all')) return ALL_PROTOCOLS;
  return names
    .filter((name) => name !== 'none')
    .map((name) => {
      if (isProtocolName(name)) return name;
      const known = ['all', 'none', ...ALL_PROTOCOLS].join(', ');
      throw new UsageError(`Invalid value for '--protocols': '${name}' is none of ${known}.`);
    });
}

function corsOrigins(given: Lookup): readonly string[] {
  const origins = given('cors-origin')?.values ?? [];
  const strange = origins.find((each) => !isOrigin(each));
  if (strange === undefined) return origins;
  throw new UsageError(
    `Invalid value for '--cors-origin': '${strange}' is no origin such as https://app.example. Origins are exact: name each one, or * for any.`,
  );
}

/**
 * The host names that are answered, when that is to be checked: without keys, or on an address of this
 * machine alone, a web page whose own name leads here could call as the user of this machine.
 */
function allowedHosts(
  given: Lookup,
  { host, secured }: { readonly host: string; readonly secured: boolean },
): readonly string[] | undefined {
  const names = list(given, 'allowed-host') ?? [];
  const strange = names.find((each) => !isHostName(each));
  if (strange !== undefined) {
    throw new UsageError(
      `Invalid value for '--allowed-host': '${strange}' is not a host name such as chat.example, without scheme and port.`,
    );
  }
  if (secured && !isLoopback(host) && names.length === 0) return undefined;
  return isHostName(host) ? [...names, host] : names;
}

function publicUrl(given: Lookup): string | undefined {
  const address = text(given, 'public-url');
  if (address === undefined || publicAddress(address) !== undefined) return address;
  throw new UsageError(
    `Invalid value for '--public-url': '${address}' is no address such as https://chat.example.`,
  );
}
