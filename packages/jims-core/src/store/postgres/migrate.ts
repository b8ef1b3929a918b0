import { Client } from 'pg';

import { JimsError } from '../../errors.ts';
import { connectionConfig } from './database.ts';
import { ACCEPT_FUNCTIONS } from './sql/accept-run.ts';
import { CLEAR_UP_FUNCTIONS } from './sql/clear-up.ts';
import { END_FUNCTIONS } from './sql/end-runs.ts';
import { LOG_FUNCTIONS } from './sql/log.ts';
import { ORDER_INDEXES, ORIGINAL_TABLES, RUN_TABLES } from './sql/tables.ts';
import { THREAD_FUNCTIONS } from './sql/threads.ts';

/**
 * Our own tables and functions, one step a version. A step is never changed once it is released:
 * a later one says `create or replace function` for what it changes.
 */
const STEPS: readonly string[] = [
  [
    RUN_TABLES,
    LOG_FUNCTIONS,
    THREAD_FUNCTIONS,
    END_FUNCTIONS,
    ACCEPT_FUNCTIONS,
    CLEAR_UP_FUNCTIONS,
  ].join('\n'),
];

/**
 * Brings the database up to date; safe to run twice and from several processes at once. What is up to
 * date already is only looked at, so that the application's role needs no right to change tables.
 *
 * @throws JimsError `store_invalid` when the database is of a newer version, or set up so that the
 * promises of a store cannot be kept.
 */
export async function migrate(url: string): Promise<void> {
  // A connection of its own: making an index on a large table may take longer than a query may.
  const client = new Client(connectionConfig(url));
  client.on('error', () => {});
  try {
    await client.connect();
    await refuseOtherIsolation(client);
    if (await isUpToDate(client)) return;
    await client.query('begin');
    await client.query("select pg_advisory_xact_lock(hashtextextended('jims.migrations', 0))");
    await bringUpToDate(client);
    await client.query('commit');
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Our functions look again after they have waited for a lock, which only `read committed` lets them.
 * It is the default of PostgreSQL; setting it ourselves would cost round trips on every statement.
 */
async function refuseOtherIsolation(client: Client): Promise<void> {
  const { rows } = await client.query<{ default_transaction_isolation: string }>(
    'show default_transaction_isolation',
  );
  const level = rows[0]?.default_transaction_isolation;
  if (level === 'read committed') return;
  throw new JimsError(
    'store_invalid',
    `The database's default_transaction_isolation is '${level}'. Set it for the role that JIMS uses: ALTER ROLE … SET default_transaction_isolation = 'read committed'`,
  );
}

async function isUpToDate(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ has_tables: boolean; has_migrations: boolean }>(
    `select to_regclass('threads') is not null
        and to_regclass('thread_events') is not null
        and to_regclass('jims_thread_events_order') is not null
        and to_regclass('jims_threads_contact_order') is not null
        and to_regclass('jims_threads_order') is not null as has_tables,
       to_regclass('jims.migrations') is not null as has_migrations`,
  );
  const found = rows[0];
  if (!found?.has_migrations) return false;
  return (await currentVersion(client)) === STEPS.length && found.has_tables;
}

async function bringUpToDate(client: Client): Promise<void> {
  await client.query(ORIGINAL_TABLES + ORDER_INDEXES);
  await client.query(`
    create schema if not exists jims;
    create table if not exists jims.migrations (
      version integer primary key,
      applied_at timestamp with time zone not null default now()
    )`);
  for (let version = (await currentVersion(client)) + 1; version <= STEPS.length; version++) {
    await client.query(STEPS[version - 1] ?? '');
    await client.query('insert into jims.migrations (version) values ($1)', [version]);
  }
}

async function currentVersion(client: Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    'select coalesce(max(version), 0) as version from jims.migrations',
  );
  const version = rows[0]?.version ?? 0;
  if (version > STEPS.length) {
    throw new JimsError(
      'store_invalid',
      `The database was written by a newer jims-core (tables of version ${version}, this one knows ${STEPS.length}): update jims-core`,
    );
  }
  return version;
}
