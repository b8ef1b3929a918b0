import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isJimsError } from '../../../src/errors/jims-error.ts';
import type { JimsErrorCode } from '../../../src/errors/jims-error.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { readSql } from '../../../src/store/postgres/sql/read-sql.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { DURABLE, OPEN, ask, entryOf } from '../../support/durable-runs.ts';
import { eventually } from '../../support/eventually.ts';
import { databaseUrl, freshDatabase, postgresUrl, withClient } from '../../support/postgres.ts';
import { storeUser } from '../../support/store-user.ts';

test('an error names the database that does not exist, and the address of a server that does not answer', async () => {
  await refuses(
    databaseUrl('jims_is_not_here'),
    'store_invalid',
    /jims_is_not_here.*does not exist/,
  );
  const nobody = 'postgresql://nobody:secret@127.0.0.1:1/jims';
  await refuses(nobody, 'store_unavailable', /127\.0\.0\.1:1.*does not answer.*ECONNREFUSED/);
  await refuses('postgresql://host.invalid/jims', 'store_unavailable', /host\.invalid/);
  await refuses('postgresql://u:p%zz@[bad/jims', 'store_invalid', /cannot be read/);
  await refuses('postgresql://u:p@h/%zz/', 'store_invalid', /cannot be read/);
});

test('the reason why a user is refused is reported, without the password', async () => {
  await refuses(withUser(postgresUrl(), 'nobody_known', 'secret'), 'store_invalid', /nobody_known/);
});

test('the forms of the original’s URLs open the same database', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url.replace('postgresql:', 'postgresql+asyncpg:'))).close();
  await using store = await openStore(database.url.replace('postgresql:', 'postgres:'));
  assert.match(store.description, /^PostgreSQL 127\.0\.0\.1:\d+\/jims_test_\w+$/);
});

test('a role that uses a database of version 2 uses it after another role has brought it up to date', async () => {
  await using database = await freshDatabase();
  const role = `jims_role_${crypto.randomUUID().replaceAll('-', '')}`;
  await withClient(database.url, async (client) => {
    await (await openStore(database.url)).close();
    // The original's tables stay; ours are made as version 2 had them.
    await client.query(`
      drop schema jims cascade; create schema jims;
      create table jims.migrations (
        version integer primary key, applied_at timestamp with time zone not null default now());
      ${readSql('step-1')} ${readSql('step-2')}
      insert into jims.migrations (version, tables_schema) values (1, null), (2, 'public');
      create role ${role} login;
      grant usage on schema public, jims to ${role};
      grant select, insert, update, delete on all tables in schema public to ${role};
      grant select, insert, update, delete on all tables in schema jims to ${role}`);
  });
  try {
    await (await openStore(database.url)).close();
    await using store = await openStore(withUser(database.url, role, 'secret'));
    const user = await storeUser(store);
    const run = await user.accept('Hello', DURABLE);
    assert.equal(await store.storeEntries(user.owner(run), [entryOf(run, 0)]), 'stored');
    assert.equal((await ask(user, run, {}, 1)).result.kind, 'finished');
    assert.equal((await user.accept('Yes', OPEN)).chain?.chainId, run.runId);
  } finally {
    await withClient(database.url, (client) =>
      client.query(`drop owned by ${role}; drop role ${role}`),
    );
  }
});

test('a role without the right to make tables uses a database that is up to date', async () => {
  await using database = await freshDatabase();
  const role = `jims_role_${crypto.randomUUID().replaceAll('-', '')}`;
  const url = withUser(database.url, role, 'secret');
  await withClient(database.url, (client) => client.query(`create role ${role} login`));
  try {
    await refuses(url, 'store_invalid', /permission denied.*CREATE SCHEMA "jims" AUTHORIZATION/);
    await (await openStore(database.url)).close();
    const said = await refuses(url, 'store_invalid', /permission denied.*GRANT USAGE/);
    await withClient(database.url, (client) => client.query(said.slice(said.indexOf('GRANT'))));
    await withClient(database.url, (client) =>
      client.query(`revoke update on threads, jims.runs from ${role}`),
    );
    const again = await refuses(url, 'store_invalid', /may not .*public\.threads, jims\.runs/);
    await withClient(database.url, (client) => client.query(again.slice(again.indexOf('GRANT'))));
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

test('a role that may not make triggers on the tables learns how to get the right', async () => {
  await using database = await freshDatabase();
  const role = `role_${new URL(database.url).pathname.slice(1)}`;
  await withClient(database.url, async (client) => {
    await (await openStore(database.url)).close();
    await client.query(`
      drop schema jims cascade;
      create role ${role} login;
      grant select, insert, update, delete on threads, thread_events to ${role};
      create schema jims authorization ${role}`);
    const url = withUser(database.url, role, '');
    const said = await refuses(url, 'store_invalid', /permission denied.*GRANT TRIGGER ON/);
    await client.query(said.slice(said.indexOf('GRANT')));
    const store = await openStore(url);
    const run = await (await storeUser(store)).accept('Hello');
    assert.equal((await store.threadOverview(run.thread.id))?.title, 'Hello');
    await store.close();
    await client.query(`drop owned by ${role} cascade; drop role ${role}`);
  });
});

for (const [setting, value, message] of [
  ['default_transaction_isolation', 'repeatable read', /repeatable read.*ALTER ROLE/],
  ['timezone', 'Asia/Kolkata', /Asia\/Kolkata.*ALTER DATABASE .* SET timezone = 'UTC'/],
  ['timezone', 'Europe/London', /ALTER DATABASE/],
] as const) {
  test(`a database with ${setting} ${value} is refused`, async () => {
    await using database = await freshDatabase();
    await set(database.url, `${setting} = '${value}'`);
    await refuses(database.url, 'store_invalid', message);
  });
}

test('new connections of an open store are refused when the time zone was changed, and taken when it is right again', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  await store.ping();
  const changes = [
    ["timezone = 'Asia/Kolkata'", /Asia\/Kolkata.*ALTER DATABASE/],
    ["timezone = 'UTC'", undefined],
  ] as const;
  for (const [setting, refused] of changes) {
    await set(database.url, setting);
    await endConnections(database.url);
    await eventually(() =>
      store.ping().then(
        () => refused === undefined,
        ({ message }) => refused?.test(message) === true,
      ),
    );
  }
  const run = await (await storeUser(store)).accept('Hello');
  assert.ok(Math.abs(Date.parse(run.thread.createdAt) - Date.now()) < 600_000);
});

test('a role from which row-level security may hide threads is refused', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url)).close();
  const role = `role_${new URL(database.url).pathname.slice(1)}`;
  await withClient(database.url, async (client) => {
    await client.query(`
      create role ${role} login;
      grant usage on schema public, jims to ${role};
      grant all on all tables in schema public, jims to ${role};
      grant execute on all functions in schema jims to ${role};
      alter table threads enable row level security`);
    const url = withUser(database.url, role, '');
    await refuses(url, 'store_invalid', /security may hide rows of public\.threads .*BYPASSRLS/);
    await client.query(`create policy own on threads using (contact_id = current_user)`);
    await refuses(url, 'store_invalid', /security may hide rows of public\.threads /);
    await client.query('create policy everything on threads using (true)');
    await (await openStore(url)).close();
    await client.query(`drop owned by ${role}; drop role ${role}`);
  });
});

test('a time zone that is UTC by another name is taken', async () => {
  await using database = await freshDatabase();
  await set(database.url, "timezone = 'Etc/UCT'");
  await (await openStore(database.url)).close();
});

test('a database that can only be read is refused, and a store is not ready when its database becomes so', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  await store.ping();
  await set(database.url, 'default_transaction_read_only = on');
  await refuses(database.url, 'store_unavailable', /only be read.*default_transaction_read_only/);
  await withClient(database.url, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    ),
  );
  await eventually(() => store.ping().then(no, ({ message }) => /25006.*read-only/.test(message)));
  const reset = 'default_transaction_read_only = off';
  await set(`${database.url}?options=-c%20${reset.replaceAll(' ', '')}`, reset);
  await eventually(() => store.ping().then(yes, no));
});

test('a database that cannot hold every character is refused', async () => {
  const name = `jims_test_${crypto.randomUUID().replaceAll('-', '')}`;
  await withClient(postgresUrl(), async (client) => {
    await client.query(
      `create database ${name} encoding 'LATIN1' locale_provider libc locale 'C' template template0`,
    );
    try {
      await refuses(databaseUrl(name), 'store_invalid', /LATIN1.*ENCODING 'UTF8'/);
    } finally {
      await client.query(`drop database ${name}`);
    }
  });
});

test('it is enough when our own schema was made for the role', async () => {
  await using database = await freshDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const role = `role_${name}`;
  await withClient(database.url, async (client) => {
    await client.query(`
      create role ${role} login;
      revoke create on database ${name} from public;
      grant create on schema public to ${role};
      create schema jims authorization ${role}`);
    await (await openStore(withUser(database.url, role, ''))).close();
    await client.query(`drop owned by ${role}; drop role ${role}`);
  });
});

test('fewer connections than the pool would have are shared', async () => {
  await using database = await freshDatabase();
  const role = `role_${new URL(database.url).pathname.slice(1)}`;
  await withClient(database.url, async (client) => {
    await client.query(`create role ${role} login superuser connection limit 3`);
    await client.query(`alter role ${role} nosuperuser; grant create on schema public to ${role}`);
    await client.query(`create schema jims authorization ${role}`);
    const store = await openStore(withUser(database.url, role, ''));
    const user = await storeUser(store);
    await store.listen(user.instanceId, () => {});
    for (let round = 0; round < 3; round++) {
      const lists = Array.from({ length: 30 }, () => store.listThreads({ limit: 1 }));
      assert.equal((await Promise.all(lists)).length, 30);
    }
    await store.close();
    await client.query(`drop owned by ${role}; drop role ${role}`);
  });
});

test('tables with other columns are refused', async () => {
  await using database = await freshDatabase();
  await withClient(database.url, (client) =>
    client.query('create table threads (thread_id uuid primary key, title text)'),
  );
  await refuses(database.url, 'store_invalid', /contact_id/);
});

test('a schema jims of another application, and tables of ours that are gone, are refused with what to do', async () => {
  await using foreign = await freshDatabase();
  await withClient(foreign.url, (client) =>
    client.query('create schema jims; create table jims.migrations (name text)'),
  );
  await refuses(foreign.url, 'store_invalid', /jims_test_.*version.*not those of JIMS.*--schema/);
  await using incomplete = await freshDatabase();
  await (await openStore(incomplete.url)).close();
  await withClient(incomplete.url, (client) => client.query('drop table jims.feedback'));
  await refuses(incomplete.url, 'store_invalid', /jims has no table feedback.*restore a backup/);
});

test('a database that is new is logged once', async () => {
  await using database = await freshDatabase();
  const lines: unknown[] = [];
  const logger: Logger = { ...silentLogger, info: (_, line) => void lines.push(line) };
  for (let n = 0; n < 2; n++) await (await openStore(database.url, { logger })).close();
  assert.deepEqual(
    lines.filter((line) => line === 'a new database was made'),
    ['a new database was made'],
  );
});

test('an index that was dropped is made again', async () => {
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

/** Resolves with the message. */
async function refuses(url: string, code: JimsErrorCode, message: RegExp): Promise<string> {
  let said = '';
  await assert.rejects(openStore(url), (error) => {
    assert.ok(isJimsError(error), String(error));
    said = error.message;
    assert.equal(error.code, code, said);
    assert.match(said, message);
    assert.doesNotMatch(said, /secret|\n/);
    return true;
  });
  return said;
}

/** A setting of the database, for connections that are made from now on. */
function endConnections(url: string): Promise<unknown> {
  return withClient(url, (client) =>
    client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`),
  );
}

function set(url: string, setting: string): Promise<unknown> {
  const name = new URL(url).pathname.slice(1);
  return withClient(url, (client) => client.query(`alter database ${name} set ${setting}`));
}

const yes = (): boolean => true;
const no = (): boolean => false;

function withUser(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}
