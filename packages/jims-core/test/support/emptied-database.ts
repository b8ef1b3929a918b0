// Databases that one test of a file uses after another: to make one, with the tables of the store, takes
// PostgreSQL ten times as long as to empty one.
import { after } from 'node:test';

import { Client } from 'pg';

import { openStore } from '../../src/store/open-store.ts';
import {
  databaseUrl,
  dropDatabase,
  freshDatabase,
  newDatabaseName,
  postgresUrl,
  withClient,
} from './postgres.ts';

/** A database that no test uses. */
interface Free {
  readonly name: string;
  /** Of its tables, functions and settings: a test may have changed them. */
  readonly form: string;
  /** Makes it what a new one is. */
  readonly emptying: string;
}

const free: Free[] = [];
/** Rows that are gone still take room, and time to pass over. */
const MOST_BYTES = 4 * 1024 ** 2;

const OWN_TABLES = `
  SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
  WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'`;
/** Each row of a catalog says by `xmin` when it was written. */
const FORM = `
  WITH own AS (
    SELECT oid, xmin FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
  ), relations AS (
    SELECT oid, xmin, relkind FROM pg_class WHERE relnamespace IN (SELECT oid FROM own)
  ), written (at) AS (
    SELECT xmin FROM own
    UNION ALL SELECT xmin FROM relations
    UNION ALL SELECT xmin FROM pg_attribute WHERE attrelid IN (SELECT oid FROM relations)
    UNION ALL SELECT xmin FROM pg_constraint WHERE connamespace IN (SELECT oid FROM own)
    UNION ALL SELECT xmin FROM pg_proc WHERE pronamespace IN (SELECT oid FROM own)
    UNION ALL SELECT xmin FROM pg_trigger
    UNION ALL SELECT xmin FROM pg_extension
    UNION ALL SELECT xmin FROM pg_db_role_setting
      WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  )
  SELECT format('%s %s', count(*), sum(at::text::bigint)) AS form,
         (SELECT sum(pg_table_size(oid)) FROM relations WHERE relkind = 'r') AS bytes
  FROM written`;

/** A database of its own, as the store makes one, without rows. Disposing takes it away under open connections, too. */
export async function emptiedDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const { name, ...rest } = (await takeFree()) ?? (await newOne());
  return {
    url: databaseUrl(name),
    async [Symbol.asyncDispose]() {
      free.push({ name: await takeAway(name), ...rest });
    },
  };
}

after(async () => {
  await Promise.all(free.map(({ name }) => dropDatabase(name)));
  await (await server)?.end();
});

/** One connection for all tests: each takes PostgreSQL a process. */
let server: Promise<Client> | undefined;

async function connected(): Promise<Client> {
  const client = new Client({ connectionString: postgresUrl() });
  await client.connect();
  return client;
}

async function newOne(): Promise<Free> {
  const { url } = await freshDatabase();
  const store = await openStore(url);
  await store.close();
  return withClient(url, async (client) => {
    const { form } = await formOf(client);
    const name = new URL(url).pathname.slice(1);
    return { name, form, emptying: await emptyingOf(client) };
  });
}

async function takeFree(): Promise<Free | undefined> {
  for (;;) {
    const one = free.pop();
    if (one === undefined) return undefined;
    const isEmpty = await withClient(databaseUrl(one.name), async (client) => {
      const { form, bytes } = await formOf(client);
      if (form !== one.form || Number(bytes) > MOST_BYTES) return false;
      await client.query(one.emptying);
      return true;
    });
    if (isEmpty) return one;
    await dropDatabase(one.name);
  }
}

async function formOf(client: Client): Promise<{ form: string; bytes: string }> {
  const { rows } = await client.query<{ form: string; bytes: string }>(FORM);
  const [row] = rows;
  if (!row) throw new Error('A query without rows');
  return row;
}

/** What gives each table the rows that it has now, and each sequence its beginning. */
async function emptyingOf(client: Client): Promise<string> {
  const tables = (await client.query<{ name: string }>(OWN_TABLES)).rows;
  // Without the triggers, which keep counts of what is deleted, and without foreign keys.
  const statements = ['SET session_replication_role = replica'];
  for (const { name } of tables) {
    const select = `SELECT jsonb_agg(to_jsonb(each)) AS rows FROM ${name} each`;
    const [found] = (await client.query<{ rows: unknown }>(select)).rows;
    statements.push(`DELETE FROM ${name}`);
    if (!found?.rows) continue;
    const rows = client.escapeLiteral(JSON.stringify(found.rows));
    statements.push(
      `INSERT INTO ${name} SELECT * FROM jsonb_populate_recordset(NULL::${name}, ${rows})`,
    );
  }
  statements.push(
    "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences",
  );
  return statements.join(';\n');
}

/** Gives it a new name: who was connected, or tries to be again, does not disturb the next test. */
async function takeAway(name: string): Promise<string> {
  const renamed = newDatabaseName();
  server ??= connected();
  const client = await server;
  for (;;) {
    await client.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1',
      [name],
    );
    try {
      await client.query(`ALTER DATABASE ${name} RENAME TO ${renamed}`);
      return renamed;
    } catch (error) {
      // Somebody has connected again.
      if (!(error instanceof Error && 'code' in error && error.code === '55006')) throw error;
    }
  }
}
