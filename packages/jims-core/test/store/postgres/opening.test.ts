import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isJimsError } from '../../../src/errors.ts';
import type { JimsErrorCode } from '../../../src/errors.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { databaseUrl, freshDatabase, postgresUrl, withClient } from '../../support/postgres.ts';
import { storeUser } from '../../support/store-user.ts';

test('a database that is not there is told by its name, a server by its place', async () => {
  await refuses(
    databaseUrl('jims_is_not_here'),
    'store_invalid',
    /jims_is_not_here.*does not exist/,
  );
  const nobody = 'postgresql://nobody:secret@127.0.0.1:1/jims';
  await refuses(nobody, 'store_unavailable', /127\.0\.0\.1:1.*does not answer.*ECONNREFUSED/);
  await refuses('postgresql://host.invalid/jims', 'store_unavailable', /host\.invalid/);
  await refuses('postgresql://u:p%zz@[bad/jims', 'store_invalid', /cannot be read/);
});

test('what refuses a user is told, without his password', async () => {
  await refuses(withUser(postgresUrl(), 'nobody_known', 'secret'), 'store_invalid', /nobody_known/);
});

test('the forms of the original’s URLs open the same database', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url.replace('postgresql:', 'postgresql+asyncpg:'))).close();
  await using store = await openStore(database.url.replace('postgresql:', 'postgres:'));
  assert.match(store.description, /^PostgreSQL 127\.0\.0\.1:\d+\/jims_test_\w+$/);
});

test('a role without the right to make tables uses a database that is up to date', async () => {
  await using database = await freshDatabase();
  const role = `jims_role_${crypto.randomUUID().replaceAll('-', '')}`;
  const url = withUser(database.url, role, 'secret');
  await withClient(database.url, (client) => client.query(`create role ${role} login`));
  try {
    await refuses(url, 'store_invalid', /permission denied/);
    await (await openStore(database.url)).close();
    await withClient(database.url, (client) =>
      client.query(`
        grant usage on schema jims to ${role};
        grant select, insert, update, delete on all tables in schema public, jims to ${role}`),
    );
    await using store = await openStore(url);
    const user = await storeUser(store);
    const run = await user.accept('Hello');
    assert.equal((await user.finish(run, ['1'])).kind, 'finished');
  } finally {
    await withClient(database.url, (client) =>
      client.query(`drop owned by ${role}; drop role ${role}`),
    );
  }
});

test('a database that would not let us look again after a lock is refused', async () => {
  await using database = await freshDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await withClient(database.url, (client) =>
    client.query(`alter database ${name} set default_transaction_isolation = 'repeatable read'`),
  );
  await refuses(database.url, 'store_invalid', /repeatable read.*ALTER ROLE/);
});

test('tables of other columns are refused', async () => {
  await using database = await freshDatabase();
  await withClient(database.url, (client) =>
    client.query('create table threads (thread_id uuid primary key, title text)'),
  );
  await refuses(database.url, 'store_invalid', /contact_id/);
});

test('an index that somebody dropped is made again', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url)).close();
  const find = `select 1 from pg_indexes where indexname = 'jims_thread_events_order'`;
  await withClient(database.url, async (client) => {
    await client.query('drop index jims_thread_events_order');
    await (await openStore(database.url)).close();
    assert.equal((await client.query(find)).rowCount, 1);
  });
});

test('tables are made where the search path of the role says', async () => {
  await using database = await freshDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await withClient(database.url, async (client) => {
    await client.query('create schema chat');
    await client.query(`alter database ${name} set search_path = chat`);
    await using store = await openStore(database.url);
    const user = await storeUser(store);
    await user.finish(await user.accept('Hello'), ['1']);
    const { rows } = await client.query(
      'select count(*)::integer as count from chat.thread_events',
    );
    assert.deepEqual(rows, [{ count: 3 }]);
  });
});

async function refuses(url: string, code: JimsErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(openStore(url), (error) => {
    assert.ok(isJimsError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /secret|\n/);
    return true;
  });
}

function withUser(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}
