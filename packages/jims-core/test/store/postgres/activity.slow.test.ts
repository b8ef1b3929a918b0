import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import type { Client } from 'pg';

import { openStore } from '../../../src/store/open-store.ts';
import { readSql } from '../../../src/store/postgres/sql/read-sql.ts';
import type { Store, ThreadQuery } from '../../../src/store/store.ts';
import { ask } from '../../support/durable-runs.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';
import { latestOf, question, storeUser } from '../../support/store-user.ts';

test('what a database of version 3 has of both programs is listed and found after the upgrade', async () => {
  await using database = await freshDatabase();
  const [old, empty, odd] = [randomUUID(), randomUUID(), randomUUID()];
  await withClient(database.url, async (client) => {
    await (await openStore(database.url)).close();
    await toVersion3(client);
    await client.query(
      `insert into threads values
         ($1, 'anna', null, now()::timestamp - interval '3 days', '{}'),
         ($2, 'anna', null, now()::timestamp - interval '1 day', '{}'),
         ($3, 'anna', 'jims:superseded:x', now()::timestamp - interval '2 days', '{}')`,
      [old, empty, odd],
    );
    await say(client, old, 'assistant', 'Good morning');
    await say(client, old, 'user', 'Where is my\n\n PARCEL?');
    // As Python writes it, with a NUL and half a character.
    await client.query(
      `insert into thread_events (thread_id, event_id, event_type, event_data, created_at) values
         ($1, gen_random_uuid(), 'comm.user_message', $2, now()::timestamp - interval '2 days'),
         ($1, gen_random_uuid(), 'comm.user_message', '["no message"]', now()::timestamp - interval '1 day 1 hour')`,
      [odd, String.raw`{"role": "user", "content": "a\u0000b \ud83d parcels \ud83d\udc4b"}`],
    );
  });
  await using store = await openStore(database.url);
  const { threads } = await store.listThreads({ contactId: 'anna', limit: 10 });
  assert.deepEqual(
    threads.map(({ id, title, lastMessage }) => [id, title, lastMessage]),
    [
      [old, 'Where is my PARCEL?', { role: 'user', excerpt: 'Where is my PARCEL?' }],
      [empty, undefined, undefined],
      [odd, 'a\ufffdb \ufffd parcels \ufffd\ufffd', { role: '', excerpt: '' }],
    ],
  );
  assert.deepEqual(await listed(store, { contactId: 'anna', current: true }), [old, empty]);
  assert.deepEqual(await listed(store, { contactId: 'anna', words: 'parcel' }), [old, odd]);
  assert.deepEqual(await listed(store, { contactId: 'anna', words: 'is parcel' }), [old]);
});

test('what another program writes is listed and found at once', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const role = `role_${new URL(database.url).pathname.slice(1)}`;
  await withClient(database.url, async (client) => {
    // A role that knows nothing of our tables.
    await client.query(`
      create role ${role};
      grant select, insert, update, delete on threads, thread_events to ${role};
      set role ${role}`);
    const [one, two] = [randomUUID(), randomUUID()];
    for (const id of [one, two]) {
      await client.query(`insert into threads values ($1, 'anna', null, now(), '{}')`, [id]);
      await say(client, id, 'user', 'Hello there');
    }
    await say(client, one, 'assistant', 'Goodbye');
    const [first] = (await store.listThreads({ contactId: 'anna', limit: 10 })).threads;
    assert.deepEqual(
      [first?.id, first?.title, first?.lastMessage],
      [one, 'Hello there', { role: 'assistant', excerpt: 'Goodbye' }],
    );
    assert.deepEqual(await listed(store, { contactId: 'anna', words: 'goodb' }), [one]);
    await client.query(`update threads set contact_id = 'bert' where thread_id = $1`, [one]);
    assert.deepEqual(await listed(store, { contactId: 'anna' }), [two]);
    assert.deepEqual(await listed(store, { contactId: 'bert', words: 'hello' }), [one]);
    assert.deepEqual(await listed(store, { contactId: 'anna', words: 'hello' }), [two]);
    await client.query('delete from threads where thread_id = $1', [two]);
    assert.deepEqual(await listed(store, { contactId: 'anna' }), []);
    await client.query(`reset role; drop owned by ${role}; drop role ${role}`);
  });
});

test('triggers that are missing are made anew, and what came without them is listed', async () => {
  await using database = await freshDatabase();
  await (await openStore(database.url)).close();
  const id = randomUUID();
  await withClient(database.url, async (client) => {
    await client.query('drop trigger jims_events_noted on thread_events');
    await client.query(`insert into threads values ($1, 'anna', null, now(), '{}')`, [id]);
    await say(client, id, 'user', 'Unseen');
  });
  await using store = await openStore(database.url);
  const [thread] = (await store.listThreads({ contactId: 'anna', limit: 1 })).threads;
  assert.deepEqual([thread?.id, thread?.title], [id, 'Unseen']);
  assert.deepEqual(await listed(store, { contactId: 'anna', words: 'unseen' }), [id]);
});

test('an old process lists threads and reads events as it did', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  const run = await user.accept('one');
  await user.finish(run, ['two']);
  await user.accept('other', { thread: latestOf('b') });
  await withClient(database.url, async (client) => {
    const list = await client.query<{ thread: { id: string } | null; more: boolean }>(
      `select * from jims.list_threads('customer:1', null, false, null, null, 10, 100000)`,
    );
    assert.deepEqual(
      list.rows.map(({ thread, more }) => [thread?.id, more]),
      [
        [run.thread.id, false],
        [undefined, false],
      ],
    );
    const page = await client.query<{ type: string | null }>(
      `select * from jims.page_events($1, null, null, '{comm}', 10, 100000, 100)`,
      [run.thread.id],
    );
    assert.deepEqual(
      page.rows.map(({ type }) => type),
      ['comm.user_message', 'comm.assistant_message', null],
    );
  });
});

test('a page of one contact with many threads costs what one with few costs, with each filter', async () => {
  await using database = await freshDatabase();
  const many = 20_000;
  await using opened = await openStore(database.url);
  await fillContact(database.url, opened, many);
  await opened.close();
  const first = { contactId: 'many', limit: 20 };
  for (const query of [
    first,
    { ...first, current: true },
    { ...first, order: 'created' },
    { ...first, waiting: true },
    { ...first, feedback: 'down' },
    { ...first, words: 'common' },
    { ...first, words: 'rare' },
    { ...first, words: 'rar' },
    { ...first, words: 'common rare' },
    { limit: 20 },
    { limit: 20, feedback: 'down' },
  ] satisfies readonly ThreadQuery[]) {
    const before = await rowsRead(database.url);
    const store = await openStore(database.url);
    const page = await store.listThreads(query);
    const last = page.threads.at(-1);
    assert.ok(last, JSON.stringify(query));
    const createdAt = 'order' in query ? last.createdAt : last.lastEventAt;
    await store.listThreads({ ...query, before: { createdAt, id: last.id } });
    await store.close();
    const read = (await rowsRead(database.url)) - before;
    const bound = 'words' in query ? 5000 : 600;
    assert.ok(read < bound, `${read} rows read for ${JSON.stringify(query)}`);
  }
});

async function toVersion3(client: Client): Promise<void> {
  await client.query(`
    drop schema jims cascade; create schema jims;
    create table jims.migrations (
      version integer primary key, applied_at timestamp with time zone not null default now());
    ${readSql('step-1')} ${readSql('step-2')} ${readSql('step-3')}
    insert into jims.migrations (version, tables_schema)
    values (1, null), (2, 'public'), (3, 'public')`);
}

function say(client: Client, threadId: string, role: string, content: string): Promise<unknown> {
  return client.query(
    `insert into thread_events (thread_id, event_id, event_type, event_data, created_at)
     values ($1, gen_random_uuid(), $2, $3, clock_timestamp()::timestamp)`,
    [threadId, `comm.${role}_message`, JSON.stringify({ role, content })],
  );
}

async function listed(store: Store, query: Partial<ThreadQuery>): Promise<readonly string[]> {
  const { threads } = await store.listThreads({ limit: 100, ...query });
  return threads.map(({ id }) => id);
}

/** Threads with a message each; the oldest one has another word, an open question and feedback. */
async function fillContact(url: string, store: Store, count: number): Promise<void> {
  const user = await storeUser(store);
  const run = await user.accept('rare common', { thread: latestOf('many') });
  const { result } = await ask(user, run);
  assert.equal(result.kind, 'finished');
  const [said] = result.events;
  assert.ok(said);
  await store.setFeedback(run.thread.id, said.id, { value: 'down' });
  await store.appendEvents(run.thread.id, [question('common')]);
  await withClient(url, async (client) => {
    await client.query(
      `insert into threads select gen_random_uuid(), 'many', null,
         (now() at time zone 'utc') + n * interval '1 microsecond', '{}' from generate_series(1, $1::integer) as n`,
      [count],
    );
    await client.query(
      `insert into thread_events (thread_id, event_id, created_at, event_type, event_data)
       select thread_id, gen_random_uuid(), clock_timestamp()::timestamp, 'comm.user_message',
              '{"role": "user", "content": "common words"}'
       from threads where thread_id <> $1`,
      [run.thread.id],
    );
  });
  while (await store.indexMessages());
  await withClient(url, (client) => client.query('analyze'));
}

/** How many rows of tables were read so far; a connection tells it when it is closed. */
function rowsRead(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const busy = `select from pg_stat_activity where application_name = 'jims' and datname = current_database()`;
    while ((await client.query(busy)).rowCount !== 0);
    const { rows } = await client.query<{ count: number }>(
      `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as count
       from pg_stat_user_tables
       where relname in ('threads', 'thread_events', 'thread_activity', 'message_search')`,
    );
    return rows[0]?.count ?? 0;
  });
}
