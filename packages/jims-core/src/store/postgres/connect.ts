import { Client, DatabaseError } from 'pg';
import type { ClientConfig } from 'pg';

import type { Address } from './address.ts';
import type { Tls } from './tls.ts';

const CONNECT_TIMEOUT_MS = 5000;
const NO_TIMEOUTS = [
  '-c statement_timeout=0',
  '-c lock_timeout=0',
  '-c idle_in_transaction_session_timeout=0',
].join(' ');
/** New in version 17: before, a server refuses a connection with a setting that it does not know. */
const NO_TRANSACTION_TIMEOUT = `select set_config(name, '0', false) from pg_settings
  where name = 'transaction_timeout'`;
const NO_TLS_THERE = 'The server does not support SSL connections';
/** The states of a refused authentication, PostgreSQL's and PgBouncer's. */
const REFUSED = new Set(['28000', '08P01']);

/** A connection, and how to make more of them. */
export interface Connected {
  readonly client: Client;
  readonly config: ClientConfig;
}

/**
 * Connects with TLS or without it, and finds out which where the URL leaves that open. All further
 * connections are made in the same way.
 */
export async function connect({ config, tls }: Address): Promise<Connected> {
  const [first, second] = tls.map((ssl) => clientConfig(config, ssl));
  if (!first) throw new TypeError('A connection is made with TLS or without it');
  try {
    return await connectOnce(first);
  } catch (error) {
    if (!second || !isAboutTls(error)) throw error;
    return await connectOnce(second).catch((secondError: unknown) => {
      // Where TLS is not possible, the first error is the one that helps.
      throw isNoTlsThere(secondError) ? error : secondError;
    });
  }
}

/** The caller ends the client. Errors of the connection reject its queries and do nothing else. */
async function connectOnce(config: ClientConfig): Promise<Connected> {
  const client = new Client(config);
  client.on('error', () => {});
  try {
    await client.connect();
    return { client, config };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/**
 * As `connectOnce`, for work that may take long: the time-outs of the role, the database and the URL are
 * for requests, and do not end it. Behind a pooler that refuses settings they stay as they are.
 */
export async function connectPatiently(config: ClientConfig): Promise<Connected> {
  const own = config.options ?? process.env['PGOPTIONS'] ?? '';
  const timeouts = { statement_timeout: undefined, lock_timeout: undefined };
  const idle = { idle_in_transaction_session_timeout: undefined };
  try {
    const patient = { ...config, ...timeouts, ...idle, options: `${own} ${NO_TIMEOUTS}` };
    const connected = await connectOnce(patient);
    await connected.client.query(NO_TRANSACTION_TIMEOUT);
    return connected;
  } catch (error) {
    if (!isPoolersRefusal(error)) throw error;
    return connectOnce(config);
  }
}

function isPoolersRefusal(error: unknown): boolean {
  return error instanceof Error && error.message.includes('unsupported startup parameter');
}

function clientConfig(config: ClientConfig, ssl: Tls): ClientConfig {
  return { ...config, ssl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, keepAlive: true };
}

function isAboutTls(error: unknown): boolean {
  if (error instanceof DatabaseError) return REFUSED.has(error.code ?? '');
  return isNoTlsThere(error) || (error instanceof Error && 'library' in error);
}

function isNoTlsThere(error: unknown): boolean {
  return error instanceof Error && error.message === NO_TLS_THERE;
}
