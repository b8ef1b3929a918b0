import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { Client } from 'pg';

import { freshDatabase, postgresUrl, withClient } from './postgres.ts';
import { freshSqlite } from './sqlite.ts';
import { describeStores } from './stores.ts';

test('a fresh PostgreSQL database is empty and is dropped under an open connection', async () => {
  const database = await freshDatabase();
  const client = new Client({ connectionString: database.url });
  client.on('error', () => {});
  await client.connect();
  const tables = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'");
  assert.equal(tables.rowCount, 0);
  assert.equal(await databaseExists(database.url), true);
  await database[Symbol.asyncDispose]();
  assert.equal(await databaseExists(database.url), false);
});

test('a fresh SQLite file is usable at its path and is removed', () => {
  const file = freshSqlite();
  const db = new DatabaseSync(file.path);
  db.exec('CREATE TABLE t (n)');
  db.close();
  assert.equal(existsSync(file.path), true);
  file[Symbol.dispose]();
  assert.equal(existsSync(file.path), false);
});

describeStores(({ name, fresh }) => {
  test(`two fresh ${name} databases are not the same`, async () => {
    await using one = await fresh();
    await using other = await fresh();
    assert.notEqual(one.url, other.url);
  });
});

function databaseExists(url: string): Promise<boolean> {
  const name = new URL(url).pathname.slice(1);
  const find = 'SELECT 1 FROM pg_database WHERE datname = $1';
  return withClient(
    postgresUrl(),
    async (client) => (await client.query(find, [name])).rowCount === 1,
  );
}
