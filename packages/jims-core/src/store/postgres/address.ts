import type { ClientConfig } from 'pg';

import { JimsError } from '../../errors/jims-error.ts';
import { tlsAttempts } from './tls.ts';
import type { Tls } from './tls.ts';

/** What is in a PostgreSQL URL. */
export interface Address {
  /** For the driver, without TLS. What is missing comes from the variables `PG…`, as in `libpq`. */
  readonly config: ClientConfig;
  /** With or without TLS, and how; the first that the server takes is used. */
  readonly tls: readonly [Tls, ...Tls[]];
  /** Host and database, without user and password: safe to show. */
  readonly description: string;
  /** The size of the pool; undefined for the default. */
  readonly maxConnections: number | undefined;
  /** `?schema=`, as Prisma writes it. */
  readonly schema: string | undefined;
}

const FORM =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^/?#]*)(?:\/(?<database>[^/?#@]*))?(?:\?(?<query>[^#]*))?$/is;
const HOST = /^(?<host>\[[\da-f:.%]+\]|[^:[\]]*)(?::(?<port>\d+))?$/i;
const HOST_NAME = /^(?:[\p{L}\p{N}._-]*|\/.*|[\da-f:.%]+)$/isu;
/** The original's drivers name the socket file; ours names its folder and its port. */
const SOCKET_FILE = /^(?<host>.*)\/\.s\.PGSQL\.(?<port>\d+)$/;
const PARAMETER = /^[\w.-]+=/;
const MAX_PORT = 65_535;
/** The largest number that PostgreSQL takes as a setting. */
const MAX_INTEGER = 2 ** 31 - 1;

type Parameters = ReadonlyMap<string, string>;

/**
 * Reads a URL as `libpq` and SQLAlchemy write it, with or without a driver: `postgresql+asyncpg://…`.
 *
 * @throws JimsError `store_invalid`. Its message has nothing of the URL in it, as what looks like a host
 * may be a part of a password.
 */
export function readAddress(url: string): Address {
  const { user, hosts, path, parameters } = readParts(url);
  const { host, port } = readHost(hosts, parameters);
  const shownHost = host || process.env['PGHOST'] || 'localhost';
  const isSocket = shownHost.startsWith('/');
  const database = path || parameters.get('dbname');
  const shown = isSocket ? shownHost : withPort(shownHost, port);
  return {
    config: {
      ...(host && { host }),
      port,
      database,
      ...readUser(user, parameters),
      ...readSettings(parameters),
    },
    tls: isSocket ? [false] : tlsAttempts(parameters),
    description: `PostgreSQL ${shown}/${database ?? ''}`,
    maxConnections: wholeNumber(parameters, 'max', 1),
    schema: parameters.get('schema'),
  };
}

interface Parts {
  readonly user: string | undefined;
  readonly hosts: string;
  readonly path: string | undefined;
  readonly parameters: Parameters;
}

function readParts(url: string): Parts {
  const parts = FORM.exec(url)?.groups;
  const parameters = readParameters(parts?.['query'] ?? '');
  if (!parts || !parameters) throw unreadable();
  return {
    user: parts['user'],
    hosts: parts['hosts'] ?? '',
    path: decoded(parts['database']),
    parameters,
  };
}

function readSettings(parameters: Parameters): ClientConfig {
  const milliseconds = (name: string): number | undefined => wholeNumber(parameters, name, 0);
  return {
    application_name: parameters.get('application_name') ?? 'jims',
    options: parameters.get('options'),
    statement_timeout: milliseconds('statement_timeout'),
    lock_timeout: milliseconds('lock_timeout'),
    idle_in_transaction_session_timeout: milliseconds('idle_in_transaction_session_timeout'),
    sslnegotiation: parameters.get('sslnegotiation') === 'direct' ? 'direct' : undefined,
  };
}

function readParameters(query: string): Parameters | undefined {
  const pairs = query.split('&').filter((pair) => pair !== '');
  // An unknown parameter with an "@" may really be the rest of a password that holds a "?".
  if (
    !pairs.every((pair) => PARAMETER.test(pair) && (!pair.includes('@') || isKnownParameter(pair)))
  )
    return undefined;
  const parameters = new URLSearchParams(query);
  if (parameters.getAll('host').length > 1) throw severalHosts();
  return new Map(parameters);
}

function isKnownParameter(pair: string): boolean {
  return /^(?:user|password|options|host|unix_sock|application_name|dbname|ssl\w+)=/.test(pair);
}

function readUser(text: string | undefined, parameters: Parameters): ClientConfig {
  const [user, ...password] = text?.split(':') ?? [];
  return {
    user: decoded(user) || parameters.get('user'),
    password: decoded(password.join(':')) || parameters.get('password'),
  };
}

function readHost(
  text: string,
  parameters: Parameters,
): { host: string; port: number | undefined } {
  const chosen = parameters.get('unix_sock') ?? parameters.get('host') ?? text;
  if (chosen.includes(',')) throw severalHosts();
  const { host, port = parameters.get('port') } = splitHost(chosen) ?? {};
  if (host === undefined || !HOST_NAME.test(host)) throw unreadable();
  if (port === undefined) return { host, port: portOfEnvironment() };
  const number = positive(port);
  if (number === undefined || number > MAX_PORT) throw unreadable();
  return { host, port: number };
}

/** The driver would wait without end for a port that is not a number. */
function portOfEnvironment(): number | undefined {
  const text = process.env['PGPORT'];
  if (!text) return undefined;
  const port = positive(text);
  if (port !== undefined && Number.isInteger(port) && port <= MAX_PORT) return port;
  const reason = 'PGPORT is not the number of a port: correct it, or write the port into the URL';
  throw new JimsError('store_invalid', reason);
}

function splitHost(text: string): { host?: string; port?: string } | undefined {
  // A path may have a ":" in it. Within the URL itself it is written with %2F.
  const parts = text.startsWith('/') ? { host: text } : HOST.exec(text)?.groups;
  const host = decoded(parts?.['host'])?.replaceAll(/^\[|\]$/g, '');
  return (
    SOCKET_FILE.exec(host ?? '')?.groups ??
    (parts && { ...parts, ...(host !== undefined && { host }) })
  );
}

function withPort(host: string, port: number | undefined): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? shown : `${shown}:${port}`;
}

/** Decodes %XX; text with a % that is not the beginning of one stays as it is. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A setting that is ignored would be missed only when it is needed. */
function wholeNumber(parameters: Parameters, name: string, least: number): number | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= MAX_INTEGER) return number;
  const unit = name === 'max' ? '' : ' of milliseconds, without a unit';
  throw new JimsError(
    'store_invalid',
    `The parameter ${name} of the PostgreSQL URL must be a whole number${unit}, of at least ${least}`,
  );
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return number > 0 ? number : undefined;
}

function unreadable(): JimsError {
  return new JimsError(
    'store_invalid',
    'The PostgreSQL URL cannot be read. Its form is postgresql://USER:PASSWORD@HOST:PORT/DATABASE; write special characters of the password as %XX, such as %40 for @ and %2F for /',
  );
}

function severalHosts(): JimsError {
  return new JimsError(
    'store_invalid',
    'The PostgreSQL URL names several hosts, and JIMS takes one: use a name or a proxy that leads to the server that can be written to',
  );
}
