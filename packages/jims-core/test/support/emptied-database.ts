// Databases that one test of a file uses after another, with the connections to them: to make one, with the tables
// of the store, takes PostgreSQL ten times as long as to empty one, and new connections cost it more than both.
import { after } from 'node:test';

import { Client } from 'pg';

import { openStore } from '../../src/store/open-store.ts';
import { KeptConnections } from './kept-connections.ts';
import { databaseUrl, dropDatabase, freshDatabase } from './postgres.ts';

/** A database that no test uses. */
interface Free {
  readonly name: string;
  /** Of its tables, functions and settings: a test may have changed them. */
  readonly form: string;
  /** Makes it what a new one is. */
  readonly emptying: string;
  readonly connections: KeptConnections;
  /** Looks at it, and empties it. */
  readonly client: Client;
}

const free: Free[] = [];
/** Rows that are gone still take room, and time to pass over. */
const MOST_BYTES = 4 * 1024 ** 2;

/** Those that were cut off go on with what they did. */
const END_OTHERS = `
  SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL ($1::int[])`;
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

/** A database of its own, as the store makes one, without rows. Disposing ends the connections to it. */
export async function emptiedDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const database = (await takeFree()) ?? (await newOne());
  const { name, client, connections } = database;
  const url = new URL(databaseUrl(name));
  url.hostname = '127.0.0.1';
  url.port = String(await connections.open());
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await client.query(END_OTHERS, [await connections.shut()]);
      free.push(database);
    },
  };
}

after(() => Promise.all(free.map(remove)));

async function newOne(): Promise<Free> {
  const { url } = await freshDatabase();
  const store = await openStore(url);
  await store.close();
  const client = new Client({ connectionString: url });
  // It is lost when a test ends all connections to the database: then the next query says so.
  client.on('error', () => {});
  await client.connect();
  const { form } = await formOf(client);
  return {
    name: new URL(url).pathname.slice(1),
    form,
    emptying: await emptyingOf(client),
    client,
    connections: new KeptConnections(new URL(url)),
  };
}

async function takeFree(): Promise<Free | undefined> {
  for (let one = free.pop(); one !== undefined; one = free.pop()) {
    const { form, bytes } = await formOf(one.client);
    if (form === one.form && Number(bytes) <= MOST_BYTES) {
      await one.client.query(one.emptying);
      return one;
    }
    await remove(one);
  }
  return undefined;
}

async function remove({ name, client, connections }: Free): Promise<void> {
  connections.end();
  await client.end();
  await dropDatabase(name);
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
