import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { openStore } from '../../src/store/open-store.ts';
import { newEvent } from '../../src/thread/event.ts';
import { withClient } from '../support/postgres.ts';
import {
  conversation,
  eventsOf,
  latestOf,
  question,
  storeUser,
  threadsOf,
} from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';
import type { StoreUnderTest } from '../support/stores.ts';

// What the Python original stored, on either database, for the same conversations.
const ORIGINALS = new URL('../../../jims-api/test/conformance/databases/', import.meta.url);

const HELLO = ['Welcome!', 'Hello', 'Echo: Hello'];
const EVENTS = ['events', 'pick', 'Echo: events'];
const UNICODE = ['Привет 👋 ü', 'Echo: Привет 👋 ü'];
const CONVERSATION = [...HELLO, ...EVENTS, ...UNICODE, 'later', 'Echo: later'];

describeStores((kind) => {
  test('the threads of the original are there, with all their messages', async () => {
    await using database = await originalDatabase(kind);
    await using store = await openStore(database.url);
    const threads = await threadsOf(store, { limit: 10 });
    assert.deepEqual(
      threads.map((thread) => [thread.contactId, thread.config]),
      [
        ['', { interface: 'api' }],
        ['telegram:7', { interface: 'telegram', n: 1.5, nested: { a: [null, true] } }],
        ['customer:42', { interface: 'api' }],
      ],
    );
    const [unnamed, telegram, customer] = threads;
    assert.ok(unnamed && telegram && customer);
    assert.match(customer.createdAt, /^2026-11-23T23:0\d:\d\d\.\d{6}Z$/);
    assert.deepEqual(await conversation(store, customer.id), CONVERSATION);
    assert.deepEqual(await conversation(store, telegram.id), ['boom', 'again', 'Echo: again']);
    assert.deepEqual(await conversation(store, unnamed.id), ['', 'Echo: (no message)']);
    const { events: states } = await store.pageEvents(customer.id, {
      limit: 10,
      domains: ['rag', 'state'],
    });
    assert.deepEqual(
      states.map(({ type, data }) => [type, data]),
      [
        ['rag.query_processed', { a: [1, 2.5, null, { x: 'ü' }] }],
        ['state.set.s', { n: 1 }],
      ],
    );
  });

  test('the next message continues the latest thread of a contact, at its end', async () => {
    await using database = await originalDatabase(kind);
    await using store = await openStore(database.url);
    const user = await storeUser(store);
    const run = await user.accept('and now?', { thread: latestOf('customer:42') });
    assert.equal(run.createdThread, false);
    assert.equal(run.attempt, 1);
    await user.finish(run, ['now']);
    const said = await conversation(store, run.thread.id);
    assert.deepEqual(said.slice(-2), ['and now?', 'now']);
    assert.equal(said.length, CONVERSATION.length + 2);
    const log = await eventsOf(store, run.thread.id);
    for (const [index, event] of log.entries()) {
      assert.deepEqual(await eventsOf(store, run.thread.id, event), log.slice(index + 1));
    }
  });

  test('our rows have the form of the original’s rows', async () => {
    await using database = await originalDatabase(kind);
    const before = await tablesOf(kind, database.url);
    await using store = await openStore(database.url);
    const user = await storeUser(store);
    const run = await user.accept('', {
      thread: latestOf('new'),
      incoming: newEvent('comm.user_message', question('ü').data),
    });
    await user.finish(run);
    assert.deepEqual(await tablesOf(kind, database.url), before, 'tables are used as they are');
    const rows = await rowsOf(kind, database.url, run.thread.id);
    assert.deepEqual(
      rows.map(({ type, domain, name }) => [type, domain, name]),
      [
        ['jims.lifecycle.thread_created', 'jims', 'lifecycle.thread_created'],
        ['comm.user_message', 'comm', 'user_message'],
      ],
    );
    assert.deepEqual(JSON.parse(rows[1]?.data ?? ''), { role: 'user', content: 'ü' });
    for (const { createdAt } of rows)
      assert.match(createdAt, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+$/);
  });
});

interface Row {
  readonly type: string;
  readonly domain: string;
  readonly name: string;
  readonly data: string;
  readonly createdAt: string;
}

async function originalDatabase(
  kind: StoreUnderTest,
): Promise<AsyncDisposable & { readonly url: string }> {
  const database = await kind.bare();
  if (kind.name === 'sqlite') {
    copyFileSync(fileURLToPath(new URL('original.sqlite', ORIGINALS)), pathOf(database.url));
    return database;
  }
  const dump = readFileSync(new URL('original.postgres.sql', ORIGINALS), 'utf8');
  // What begins with a backslash is for psql.
  await withClient(database.url, (client) => client.query(dump.replaceAll(/^\\.*$/gm, '')));
  return database;
}

function pathOf(url: string): string {
  return url.replace('sqlite:///', '');
}

/** How the original's two tables are declared. */
async function tablesOf(kind: StoreUnderTest, url: string): Promise<unknown> {
  if (kind.name === 'sqlite') {
    using db = new DatabaseSync(pathOf(url));
    return db
      .prepare(
        `SELECT sql FROM sqlite_schema WHERE type = 'table' AND name LIKE 'thread%' ORDER BY 1`,
      )
      .all();
  }
  return withClient(url, async (client) => {
    const columns = await client.query(
      `select table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
       from information_schema.columns where table_schema = 'public' order by 1, 2`,
    );
    return columns.rows;
  });
}

async function rowsOf(
  kind: StoreUnderTest,
  url: string,
  threadId: string,
): Promise<readonly Row[]> {
  const columns = 'event_type AS type, event_domain AS domain, event_name AS name';
  if (kind.name === 'sqlite') {
    using db = new DatabaseSync(pathOf(url));
    const select = `SELECT ${columns}, event_data AS data, created_at AS "createdAt" FROM thread_events
      WHERE thread_id = ? ORDER BY created_at`;
    return db.prepare(select).all(threadId.replaceAll('-', '')) as never;
  }
  return withClient(url, async (client) => {
    const select = `SELECT ${columns}, event_data::text AS data, created_at::text AS "createdAt"
      FROM thread_events WHERE thread_id = $1 ORDER BY created_at`;
    return (await client.query<Row & { type: string }>(select, [threadId])).rows;
  });
}
