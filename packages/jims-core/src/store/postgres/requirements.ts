import type { Client, ClientBase } from 'pg';

import { JimsError } from '../../errors/jims-error.ts';
import { ORIGINAL_COLUMNS } from '../original-columns.ts';
import { quoted } from './schemas.ts';
import type { Schemas } from './schemas.ts';

interface Settings {
  readonly isolation: string;
  readonly encoding: string;
  readonly timeZone: string;
  readonly isUtc: boolean;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly role: string;
  readonly database: string;
}

/**
 * Refuses a database whose settings make it impossible to keep the promises of a store. Resolves with the
 * names of our role and database.
 *
 * The settings are read and not changed: ours would have to be sent with every statement, as a pooler such
 * as PgBouncer lends another connection for each.
 *
 * @throws JimsError `store_invalid`, or `store_unavailable` for a server that only reads for now.
 */
export async function requireUsable(
  client: Client,
  where: string,
): Promise<{ readonly role: string; readonly database: string }> {
  const settings = await settingsOf(client);
  const reason = whyUnusable(settings);
  if (reason !== undefined) throw new JimsError('store_invalid', `Cannot use ${where}: ${reason}`);
  if (!settings.isStandby && !settings.isReadOnly) return settings;
  throw new JimsError(
    'store_unavailable',
    settings.isStandby
      ? `${where} can only be read, as the server is a standby: use the address of the primary server`
      : `${where} can only be read, as default_transaction_read_only is on: set it for the role that JIMS uses by ALTER ROLE ${quoted(settings.role)} SET default_transaction_read_only = off`,
  );
}

/**
 * Refuses a connection of a database that is open already, when its settings were changed since then: each new
 * connection gets the settings of its moment.
 *
 * @throws JimsError `store_unavailable`
 */
export async function requireSettings(client: ClientBase, where: string): Promise<void> {
  const reason = whyUnusable(await settingsOf(client));
  if (reason === undefined) return;
  throw new JimsError('store_unavailable', `${where} was changed and cannot be used: ${reason}`);
}

async function settingsOf(client: ClientBase): Promise<Settings> {
  const { rows } = await client.query<Settings>(
    `select current_setting('default_transaction_isolation') as isolation,
            current_setting('server_encoding') as encoding,
            current_setting('TimeZone') as "timeZone",
            extract(timezone from timestamptz '2026-01-01 00:00Z') = 0
              and extract(timezone from timestamptz '2026-07-01 00:00Z') = 0 as "isUtc",
            pg_is_in_recovery() as "isStandby",
            current_setting('transaction_read_only')::boolean as "isReadOnly",
            current_user::text as role, current_database()::text as database`,
  );
  const [settings] = rows;
  if (!settings) throw new TypeError('The server gave no settings');
  return settings;
}

function whyUnusable({
  isolation,
  encoding,
  timeZone,
  isUtc,
  role,
  database,
}: Settings): string | undefined {
  if (encoding !== 'UTF8') {
    return `its encoding is ${encoding}, which cannot hold every character. Make a database with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`;
  }
  // Our functions look again after they have waited for a lock: only `read committed` shows them what is new.
  if (isolation !== 'read committed') {
    return `its default_transaction_isolation is '${isolation}'. Set it for the role that JIMS uses: ALTER ROLE ${quoted(role)} SET default_transaction_isolation = 'read committed'`;
  }
  // The column has times without a zone, which both we and the original write in the session's zone.
  if (!isUtc) {
    return `its TimeZone is '${timeZone}', so that the times of events would be wrong. Set it for all that use the database: ALTER DATABASE ${quoted(database)} SET timezone = 'UTC'; and if the role has a setting of its own: ALTER ROLE ${quoted(role)} SET timezone = 'UTC'`;
  }
  return undefined;
}

/**
 * Refuses a database that lacks tables of ours, and a role that could open the store and then not write to it.
 *
 * @throws JimsError `store_invalid`, for rights with the statements that grant what is missing.
 */
export async function requireRights(
  client: Client,
  { original, own }: Schemas,
  where: string,
): Promise<void> {
  const { rows } = await client.query<{
    role: string;
    missing: readonly string[];
    lost: readonly string[];
    filtered: readonly string[];
  }>(
    `select current_user::text as role, array(
       select name from unnest($3::text[]) name where not exists (
         select from pg_class c join pg_namespace n on n.oid = relnamespace
         where nspname = $2 and relname = name)
     ) as lost, array(
       select distinct format('%I.%I', nspname, relname)
       from pg_class c join pg_namespace n on n.oid = relnamespace,
            unnest(case relname
              when 'migrations' then '{select}'
              when 'thread_events' then '{select,insert}'
              when 'threads' then '{select,insert,update}'
              else '{select,insert,update,delete}'
            end::text[]) as needed
       where (nspname = $1 and relname in ('threads', 'thread_events')
              or nspname = $2 and relname = any ($3))
         and not (has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, needed))
     ) as missing, array(
       select format('%I.%I', nspname, relname)
       from pg_class c join pg_namespace n on n.oid = relnamespace
       where (nspname = $1 and relname in ('threads', 'thread_events')
              or nspname = $2 and relname = any ($3))
         and row_security_active(c.oid)
         and not exists (
           select from pg_policy
           where polrelid = c.oid and polcmd = '*' and pg_get_expr(polqual, polrelid) = 'true')
     ) as filtered`,
    [original, own, OWN_TABLES],
  );
  const [found] = rows;
  if (found && found.lost.length > 0) {
    throw new JimsError(
      'store_invalid',
      `Cannot use ${where}: the schema ${own} has no table ${found.lost.join(', ')}, so it is not of JIMS, or incomplete: ${REMEDY}`,
    );
  }
  if (found && found.filtered.length > 0) {
    throw new JimsError(
      'store_invalid',
      `Cannot use ${where}: row-level security may hide rows of ${found.filtered.join(', ')} from the role ${quoted(found.role)}. Let an administrator run ALTER ROLE ${quoted(found.role)} BYPASSRLS, or ALTER TABLE … DISABLE ROW LEVEL SECURITY for each`,
    );
  }
  if (!found || found.missing.length === 0) return;
  throw new JimsError(
    'store_invalid',
    `Cannot use ${where}: the role ${quoted(found.role)} may not read and write ${found.missing.join(', ')}. ${grantsOf({ original, own }, found.role)}`,
  );
}

/** What to do about tables that are not as we made them. */
export const REMEDY = 'use another database or, with --schema, another schema, or restore a backup';

const OWN_TABLES = [
  'migrations',
  'instances',
  'runs',
  'run_progress',
  'erasing',
  'journal',
  'questions',
  'thread_activity',
  'noted',
  'backfills',
  'unindexed',
  'unindexed_threads',
  'message_search',
  'forgetting',
  'feedback',
  'files',
  'file_chunks',
  'subscriptions',
  'deliveries',
];

/** The statements that let a role use tables that another one made. */
export function grantsOf({ original, own }: Schemas, role: string): string {
  const [table, schema, to] = [quoted(original), quoted(own), quoted(role)];
  const usage = original === own ? schema : `${table}, ${schema}`;
  const rights = 'SELECT, INSERT, UPDATE, DELETE ON';
  return `Let the owner of the tables run: GRANT USAGE ON SCHEMA ${usage} TO ${to}; GRANT ${rights} ${table}.threads, ${table}.thread_events TO ${to}; GRANT ${rights} ALL TABLES IN SCHEMA ${schema} TO ${to}`;
}

/**
 * Refuses tables that have our names and are not ours.
 *
 * @throws JimsError `store_invalid`
 */
export async function requireColumns(
  client: Client,
  original: string,
  where: string,
): Promise<void> {
  const { rows } = await client.query<{
    table: string;
    is_table: boolean;
    columns: readonly string[];
  }>(
    `select relname::text as table, relkind in ('r', 'p') as is_table, array(
       select attname::text from pg_attribute where attrelid = c.oid and not attisdropped
     ) as columns
     from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname = $1 and relname = any ($2)`,
    [original, Object.keys(ORIGINAL_COLUMNS)],
  );
  for (const { table, is_table: isTable, columns } of rows) {
    if (!isTable) {
      throw new JimsError(
        'store_invalid',
        `Cannot use ${where}: ${original}.${table} is a view or a foreign table, and JIMS locks and indexes rows: start with --schema and the name of the schema that has the table itself`,
      );
    }
    const missing = ORIGINAL_COLUMNS[table]?.filter((column) => !columns.includes(column)) ?? [];
    if (missing.length === 0) continue;
    throw new JimsError(
      'store_invalid',
      `Cannot use ${where}: the table ${original}.${table} is not one of JIMS, as it has no column ${missing.join(', ')}. If it belongs to another application, start with --schema and the name of a schema for this one`,
    );
  }
}
