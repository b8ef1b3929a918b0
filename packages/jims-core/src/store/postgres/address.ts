import type { ClientConfig } from 'pg';

import { JimsError } from '../../errors.ts';
import { tlsAttempts } from './tls.ts';
import type { Tls } from './tls.ts';

/** What a PostgreSQL URL says. */
export interface Address {
  /** For the driver; TLS is not in it. What is missing comes from the variables `PG…`, as in `libpq`. */
  readonly config: ClientConfig;
  /** With or without TLS, and how: the first that the server takes is kept. */
  readonly tls: readonly [Tls, ...Tls[]];
  /** Host and database, without user and password: fit to be shown. */
  readonly description: string;
  /** Of the pool; undefined for the default. */
  readonly maxConnections: number | undefined;
  /** `?schema=`, as Prisma writes it. */
  readonly schema: string | undefined;
}

const FORM =
  /^postgres(?:ql)?(?:\+\w+)?:\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^/?#]*)(?:\/(?<database>[^/?#@]*))?(?:\?(?<query>[^#]*))?$/is;
const HOST = /^(?<host>\[[\da-f:.%]+\]|[^:[\]]*)(?::(?<port>\d+))?$/i;
const HOST_NAME = /^(?:[\p{L}\p{N}._-]*|\/.*|[\da-f:.%]+)$/isu;
/** The original's drivers name the socket itself; ours names its folder and its port. */
const SOCKET_FILE = /^(?<host>.*)\/\.s\.PGSQL\.(?<port>\d+)$/;
const PARAMETER = /^[\w.-]+=/;
const MAX_PORT = 65_535;

/**
 * Reads a URL as `libpq` and SQLAlchemy write it, with or without a driver: `postgresql+asyncpg://…`.
 *
 * @throws JimsError `store_invalid`, with nothing of the URL in its message: what looks like a host may
 * be a part of a password.
 */
export function readAddress(url: string): Address {
  const parts = FORM.exec(url)?.groups;
  const parameters = readParameters(parts?.['query'] ?? '');
  if (!parts || !parameters) throw unreadable();
  const [user, password] = readUser(parts['user']);
  const { host, port } = readHost(parts['hosts'] ?? '', parameters);
  const database =
    decoded(parts['database']) || parameters.get('dbname') || parameters.get('database');
  const shownHost = host || process.env['PGHOST'] || 'localhost';
  const isSocket = shownHost.startsWith('/');
  return {
    config: {
      host: host || undefined,
      port,
      database: database || undefined,
      user: user || parameters.get('user'),
      password: password || parameters.get('password'),
      application_name: parameters.get('application_name') ?? 'jims',
      options: parameters.get('options'),
      statement_timeout: milliseconds(parameters.get('statement_timeout')),
      lock_timeout: milliseconds(parameters.get('lock_timeout')),
      idle_in_transaction_session_timeout: milliseconds(
        parameters.get('idle_in_transaction_session_timeout'),
      ),
      sslnegotiation: parameters.get('sslnegotiation') === 'direct' ? 'direct' : undefined,
    },
    tls: isSocket ? [false] : tlsAttempts(parameters),
    description: `PostgreSQL ${isSocket ? shownHost : withPort(shownHost, port)}/${database ?? ''}`,
    maxConnections: milliseconds(parameters.get('max')),
    schema: parameters.get('schema'),
  };
}

function readParameters(query: string): ReadonlyMap<string, string> | undefined {
  const pairs = query.split('&').filter((pair) => pair !== '');
  // An "@" in a parameter that we do not know may be the end of a password with "?" in it.
  if (!pairs.every((pair) => PARAMETER.test(pair) && (!pair.includes('@') || isOurs(pair))))
    return undefined;
  const parameters = new URLSearchParams(query);
  if (parameters.getAll('host').length > 1) throw severalHosts();
  return new Map(parameters);
}

function isOurs(pair: string): boolean {
  return /^(?:user|password|options|host|unix_sock|application_name|dbname|database|ssl\w+)=/.test(
    pair,
  );
}

function readUser(
  text: string | undefined,
): [user?: string | undefined, password?: string | undefined] {
  if (text === undefined) return [];
  const colon = text.indexOf(':');
  if (colon < 0) return [decoded(text)];
  return [decoded(text.slice(0, colon)), decoded(text.slice(colon + 1))];
}

function readHost(
  text: string,
  parameters: ReadonlyMap<string, string>,
): { readonly host: string; readonly port: number | undefined } {
  const chosen = parameters.get('unix_sock') ?? parameters.get('host') ?? text;
  if (chosen.includes(',')) throw severalHosts();
  // A path may have a ":" in it; within the URL itself it is written with %2F.
  const parts = chosen.startsWith('/') ? { host: chosen } : HOST.exec(chosen)?.groups;
  const named = decoded(parts?.['host'])?.replaceAll(/^\[|\]$/g, '');
  const socket = SOCKET_FILE.exec(named ?? '')?.groups;
  const host = socket?.['host'] ?? named;
  const port = socket?.['port'] ?? parts?.['port'] ?? parameters.get('port');
  if (host === undefined || !HOST_NAME.test(host)) throw unreadable();
  if (port !== undefined && !(Number(port) > 0 && Number(port) <= MAX_PORT)) throw unreadable();
  return { host, port: port === undefined ? undefined : Number(port) };
}

function withPort(host: string, port: number | undefined): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? shown : `${shown}:${port}`;
}

/** With %XX for special characters; a % that is just a % is one. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function milliseconds(text: string | undefined): number | undefined {
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
