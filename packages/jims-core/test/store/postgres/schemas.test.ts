import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Client } from 'pg';

import { isJimsError } from '../../../src/errors/jims-error.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { readSql } from '../../../src/store/postgres/sql/read-sql.ts';
import { freshDatabase, postgresUrl, withClient } from '../../support/postgres.ts';
import { conversation, keyOf, latestOf, storeUser, threadsOf } from '../../support/store-user.ts';

// A database as version 1 made it.
const ORIGINAL = `
create table threads (
  thread_id uuid primary key, contact_id character varying, external_id character varying,
  created_at timestamp without time zone not null, thread_config jsonb not null);
create table thread_events (
  thread_id uuid, event_id uuid, created_at timestamp without time zone default now() not null,
  event_type character varying(255) not null, event_domain character varying(255),
  event_name character varying(255), event_data json, primary key (thread_id, event_id));`;
const VERSION_1 = `
create schema jims;
create table jims.migrations (
  version integer primary key, applied_at timestamp with time zone not null default now());
${readSql('step-1')}
insert into jims.migrations (version) values (1);`;

test('the tables of a role stay in use when there is a schema of its name', async () => {
  await using database = await databaseOfRole();
  const threadId = await chat(database.url, 'Hello');
  // From now on it comes first in the search path. So does ours, when the role is called jims.
  await database.asRole((client) => client.query(`create schema ${database.role}`));
  assert.equal(await chat(database.url, 'again'), threadId);
  await database.asRole((client) =>
    client.query('drop index ix_threads_contact_id, jims_thread_events_order'),
  );
  assert.equal(await chat(database.url, 'without the indexes'), threadId);
  assert.deepEqual(await tablesOf(database.url), ['public']);
});

test('tables in public are used by a role that has a schema of its name already', async () => {
  await using database = await databaseOfRole();
  await database.asRole((client) =>
    client.query(
      `set search_path = public; ${ORIGINAL}
       insert into threads values (gen_random_uuid(), 'customer', null, now(), '{}');
       create schema jims; create schema ${database.role}`,
    ),
  );
  await chat(database.url, 'Hello');
  assert.deepEqual(await tablesOf(database.url), ['public']);
});

test('a process that runs sees the same threads after a schema of its role was made', async () => {
  await using database = await databaseOfRole();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  const run = await user.accept('Hello', { thread: latestOf('customer') });
  await user.finish(run, ['1']);
  await database.asRole((client) =>
    client.query(`create schema ${database.role}; set search_path = ${database.role}; ${ORIGINAL}`),
  );
  const next = await user.accept('again', { thread: latestOf('customer') });
  assert.equal(next.thread.id, run.thread.id);
});

for (const schema of ['public', 'chat']) {
  test(`a database of version 1 is brought up to date, with its threads in ${schema}`, async () => {
    await using database = await databaseOfRole();
    await database.asRole(async (client) => {
      await client.query(`create schema if not exists ${schema}`);
      await setSearchPath(client, `"$user", ${schema}`);
      await client.query(`set search_path = ${schema}; ${ORIGINAL} ${VERSION_1}
        select jims.open_thread('${THREAD_ID}', null, 'customer', '{}', null, gen_random_uuid());
        create schema ${database.role}`);
    });
    assert.equal(await chat(database.url, 'Hello'), THREAD_ID);
    assert.deepEqual(await tablesOf(database.url), [schema]);
  });
}

test('threads in two schemas are refused, and may be moved together as the refusal says', async () => {
  await using database = await databaseOfRole();
  await database.asRole((client) =>
    client.query(
      `set search_path = public; ${ORIGINAL} ${VERSION_1}
       select jims.open_thread('${THREAD_ID}', null, 'customer', '{}', null, gen_random_uuid());
       create schema ${database.role}; set search_path = ${database.role}; ${ORIGINAL}
       insert into threads values (gen_random_uuid(), 'another', null, now(), '{}')`,
    ),
  );
  const said = await refusal(database.url);
  assert.match(said, new RegExp(`two schemas .*'${database.role}' and 'public'`));
  assert.match(said, /--schema/);
  const sql = said.slice(said.indexOf('INSERT'));
  await database.asRole((client) => client.query(sql));
  await using store = await openStore(database.url);
  assert.equal((await threadsOf(store, { limit: 10 })).length, 2);
});

test('an empty second pair of tables, as an earlier version left it, is not used', async () => {
  await using database = await databaseOfRole();
  await database.asRole((client) =>
    client.query(
      `set search_path = public; ${ORIGINAL} ${VERSION_1}
       select jims.open_thread('${THREAD_ID}', null, 'customer', '{}', null, gen_random_uuid());
       create schema ${database.role}; set search_path = ${database.role}; ${ORIGINAL}`,
    ),
  );
  assert.equal(await chat(database.url, 'Hello'), THREAD_ID);
});

test('an application whose search path leads to another schema is refused, and may have a schema of its own', async () => {
  await using database = await databaseOfRole();
  await database.asRole((client) => setSearchPath(client, 'first'));
  await database.asRole((client) => client.query('create schema first; create schema second'));
  const first = await chat(database.url, 'Hello');
  await database.asRole((client) => setSearchPath(client, 'second'));
  assert.match(await refusal(database.url), /'first'.*search_path \(second\).*--schema first/);
  const second = await chat(database.url, 'Hello', 'second');
  assert.notEqual(second, first);
  assert.equal(await chat(database.url, 'again', 'second'), second);
  assert.equal(
    await chat(database.url, 'again', 'first'),
    first,
    'named, it is the same application',
  );
  assert.deepEqual(await tablesOf(database.url), ['first', 'second']);
  assert.match(await refusal(database.url), /--schema/);
});

test('the two applications of a database may have the same key', async () => {
  await using database = await databaseOfRole();
  await using a = await openStore(database.url, { schema: 'a' });
  await using b = await openStore(database.url, { schema: `It's Übung "b", 100%` });
  const ids = new Set<string>();
  for (const store of [a, b, a, b]) {
    const user = await storeUser(store);
    const result = await user.ask('Hello', { idempotency: keyOf('the same') });
    assert.ok(result.kind === 'accepted' || result.kind === 'existing');
    ids.add(result.runId);
  }
  assert.equal(ids.size, 2);
  for (const store of [a, b]) assert.equal((await threadsOf(store, { limit: 9 })).length, 1);
});

test('tables of another application’s --schema are not used without it', async () => {
  await using database = await databaseOfRole();
  await chat(database.url, 'Hello', 'public');
  assert.match(await refusal(database.url), /started with --schema public/);
});

test('a name that PostgreSQL or JIMS keeps for itself is refused', async () => {
  for (const schema of [
    '',
    'pg',
    'pg_chat',
    'information_schema',
    'chat_jims',
    'a$b',
    'x'.repeat(59),
  ]) {
    assert.match(await refusal(postgresUrl(), schema), /cannot be used.*another name/, schema);
  }
  await assert.rejects(openStore('sqlite::memory:', { schema: 'chat' }), /SQLite/);
});

test('when the schema of the threads was renamed, no empty tables are made in its place', async () => {
  await using database = await databaseOfRole();
  await database.asRole((client) => setSearchPath(client, 'chat'));
  await database.asRole((client) => client.query('create schema chat'));
  const thread = await chat(database.url, 'Hello');
  await database.asRole((client) => client.query('alter schema chat rename to moved'));
  const said = await refusal(database.url);
  assert.match(said, /were in the schema 'chat', and there are threads in 'moved' now/);
  await database.asRole((client) => client.query('create schema chat'));
  assert.equal(await refusal(database.url), said);
  await database.asRole((client) => client.query('drop schema chat'));
  await database.asRole((client) => client.query(/ALTER SCHEMA .*?(?=,)/.exec(said)?.[0] ?? ''));
  assert.equal(await chat(database.url, 'again'), thread);
});

test('views are refused, and the tables under them are used by --schema', async () => {
  await using database = await databaseOfRole();
  await database.asRole((client) =>
    client.query(
      `create schema real; set search_path = real; ${ORIGINAL}
       create view public.threads as select * from real.threads;
       create view public.thread_events as select * from real.thread_events`,
    ),
  );
  assert.match(await refusal(database.url), /public\.\w+ is a view.*--schema/);
  await chat(database.url, 'Hello', 'real');
});

const THREAD_ID = '00000000-0000-4000-8000-000000000001';

interface RoleDatabase extends AsyncDisposable {
  readonly url: string;
  readonly role: string;
  readonly asRole: <T>(use: (client: Client) => Promise<T>) => Promise<T>;
}

/** A database of a role that is not a superuser, with the default search path. */
async function databaseOfRole(): Promise<RoleDatabase> {
  const database = await freshDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const role = `role_${name}`;
  const url = new URL(database.url);
  url.username = role;
  await withClient(postgresUrl(), async (client) => {
    await client.query(`create role ${role} login`);
    await client.query(`alter database ${name} owner to ${role}`);
  });
  return {
    url: url.href,
    role,
    asRole: (use) => withClient(url.href, use),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await withClient(postgresUrl(), (client) => client.query(`drop role ${role}`));
    },
  };
}

/** One message of a contact; resolves with the id of its thread. */
async function chat(url: string, message: string, schema?: string): Promise<string> {
  await using store = await openStore(url, { schema });
  const user = await storeUser(store);
  const run = await user.accept(message, { thread: latestOf('customer') });
  await user.finish(run, ['1']);
  assert.deepEqual((await conversation(store, run.thread.id)).slice(-2), [message, '1']);
  return run.thread.id;
}

function tablesOf(url: string): Promise<readonly string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ schemaname: string }>(
      `select schemaname from pg_tables where tablename = 'threads' order by schemaname`,
    );
    return rows.map(({ schemaname }) => schemaname);
  });
}

async function setSearchPath(client: Client, path: string): Promise<void> {
  await client.query(`alter role current_user set search_path = ${path}`);
}

async function refusal(url: string, schema?: string): Promise<string> {
  const error: unknown = await openStore(url, { schema }).then(
    (store) => store.close(),
    (reason: unknown) => reason,
  );
  assert.ok(isJimsError(error) && error.code === 'store_invalid', String(error));
  return error.message;
}
