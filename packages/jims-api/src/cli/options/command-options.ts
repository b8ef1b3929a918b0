import { isIP } from 'node:net';

import { CLIENT_EVENT_TYPES } from '../../chat/event-types.ts';
import { isOrigin } from '../../http/cors.ts';
import { publicAddress } from '../../http/public-address.ts';
import { isProtocolName } from '../../protocols/registry.ts';
import type { ProtocolName } from '../../protocols/registry.ts';
import { isHostName } from '../../server/hosts.ts';
import type { ServeOptions } from '../../server/serve-options.ts';
import { accessOptions } from './access-options.ts';
import { ALL_PROTOCOLS } from './command-table.ts';
import type { Given, OptionName } from './command-table.ts';
import { fileAddressKeys, fileLimits } from './file-options.ts';
import { UsageError, invalid } from './given-options.ts';
import type { Environment } from './option-table.ts';
import { webhookOptions } from './webhook-options.ts';

/** What the command line says: how to load the app, what to watch, and how to serve. */
export interface CommandOptions extends ServeOptions {
  readonly app: string;
  readonly loader: (typeof LOADERS)[number];
  readonly enableSentry: boolean;
  readonly verbose: boolean;
  readonly apiKeys: readonly string[];
}

const ON_BUSY = ['queue', 'reject', 'interrupt'] as const;
const ON_OFF = ['on', 'off'] as const;
const LOADERS = ['auto', 'native', 'tsx'] as const;
const MAX_PORT = 65_535;
const MAX_SECONDS = 2_000_000;
const DAY_MS = 86_400_000;

/**
 * Reads the options of what serves an app.
 *
 * @throws UsageError for what cannot be understood.
 */
export function commandOptions(given: Given, env: Environment): CommandOptions {
  const port = given.integer('port', { max: MAX_PORT });
  const metricsPort = given.integer('metrics-port', { max: MAX_PORT });
  if (port === metricsPort && port !== 0) {
    throw new UsageError(`--port and --metrics-port are both ${port}: choose another one.`);
  }
  return {
    app: given.text('app') ?? 'app',
    loader: given.oneOf('loader', LOADERS),
    host: listenHost(given, 'host') ?? '0.0.0.0',
    port,
    metricsHost: listenHost(given, 'metrics-host'),
    metricsPort,
    store: given.text('db'),
    schema: given.text('schema'),
    files: given.text('files'),
    recover: given.oneOf('recover', ON_OFF) === 'on',
    ...accessOptions(given, env),
    requireContactHeader: given.flag('require-contact-header'),
    enableSentry: given.flag('enable-sentry'),
    // Not false: that would overrule the app's own settings.
    traceContent: given.flag('trace-content') || undefined,
    verbose: given.flag('verbose'),
    exposeErrors: given.flag('expose-errors'),
    sharedThreads: given.flag('shared-threads'),
    allowedEventTypes: given.list('allowed-event-types') ?? CLIENT_EVENT_TYPES,
    contactEventTypes: given.list('contact-event-types') ?? [],
    maxBodyBytes: given.integer('max-body-size', { min: 1 }),
    maxMessageBytes: given.integer('max-message-size', { min: 1 }),
    maxConfigBytes: given.integer('max-config-size', { min: 1 }),
    maxStreams: given.integer('max-streams', { min: 1 }),
    maxStreamsPerCaller: given.integerIfGiven('max-streams-per-caller', { min: 1 }),
    readerTimeoutMs: seconds(given, 'reader-timeout'),
    requestTimeoutMs: seconds(given, 'request-timeout'),
    keepAliveTimeoutMs: seconds(given, 'keep-alive-timeout'),
    corsOrigins: corsOrigins(given),
    allowedHosts: allowedHosts(given),
    playground: given.flag('playground'),
    widget: given.flag('widget'),
    publicUrl: publicUrl(given),
    fileAddressKeys: fileAddressKeys(given),
    ...webhookOptions(given),
    protocols: protocols(given),
    drainTimeoutMs: given.integer('drain-timeout', { max: MAX_SECONDS }) * 1000,
    limits: limits(given),
    fileLimits: fileLimits(given),
  };
}

function limits(given: Given): ServeOptions['limits'] {
  const days = given.integerIfGiven('retention-days', { min: 1, max: 36_500 });
  return {
    timeoutMs: seconds(given, 'run-timeout'),
    maxRuns: given.integer('max-runs', { min: 1 }),
    maxRunsPerCaller: given.integerIfGiven('max-runs-per-caller', { min: 1 }),
    queueLimit: given.integer('queue-limit'),
    onBusy: given.oneOf('on-busy', ON_BUSY),
    leaseMs: given.integer('lease-timeout', { min: 1, max: 3600 }) * 1000,
    maxThreadSize: given.integer('max-thread-size', { min: 1 }),
    idempotencyTtlMs: given.integer('idempotency-ttl', { min: 1 }) * 1000,
    questionTtlMs: given.integer('question-ttl', { min: 1 }) * 1000,
    retentionMs: days === undefined ? undefined : days * DAY_MS,
  };
}

/** A time of at least a second, in milliseconds. */
function seconds(given: Given, name: OptionName): number {
  return given.integer(name, { min: 1, max: MAX_SECONDS }) * 1000;
}

/** A host to listen on, without the brackets that an IPv6 address has in URLs. */
function listenHost(given: Given, name: OptionName): string | undefined {
  const value = given.text(name);
  if (value === undefined) return undefined;
  const host = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
  if (isIP(host) || /^[\w.-]+$/.test(host)) return host;
  throw invalid(
    name,
    `'${value}' is not an address such as 0.0.0.0, [::] or localhost. The port has an option of its own.`,
  );
}

function protocols(given: Given): readonly ProtocolName[] {
  const names = given.get('protocols')?.values.flatMap((each) => each.split(',')) ?? ['all'];
  if (names.includes('all')) return ALL_PROTOCOLS;
  return names
    .filter((name) => name !== 'none')
    .map((name) => {
      if (isProtocolName(name)) return name;
      const known = ['all', 'none', ...ALL_PROTOCOLS].join(', ');
      throw invalid('protocols', `'${name}' is not one of ${known}.`);
    });
}

function corsOrigins(given: Given): readonly string[] {
  const origins = given.get('cors-origin')?.values ?? [];
  const strange = origins.find((each) => !isOrigin(each));
  if (strange === undefined) return origins;
  throw invalid(
    'cors-origin',
    `'${strange}' is not an origin such as https://app.example. Origins are exact: name each one, or * for any.`,
  );
}

function allowedHosts(given: Given): readonly string[] | undefined {
  const names = given.list('allowed-host');
  const strange = names?.find((each) => !isHostName(each));
  if (strange === undefined) return names;
  const reason = `'${strange}' is not a host name such as chat.example, without scheme and port.`;
  throw invalid('allowed-host', reason);
}

function publicUrl(given: Given): string | undefined {
  const address = given.text('public-url');
  if (address === undefined || publicAddress(address) !== undefined) return address;
  throw invalid('public-url', `'${address}' is not an address such as https://chat.example.`);
}
