import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Client } from 'pg';

import { openStore } from '../../../src/store/open-store.ts';
import { DURABLE, OPEN, ask, entryOf } from '../../support/durable-runs.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';
import { answer, storeUser } from '../../support/store-user.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';

test('a run costs two round trips: accept and finish', async () => {
  await using database = await freshDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using store = await openStore(proxy.url);
  const user = await storeUser(store);
  let before = proxy.roundTrips;
  const first = await user.accept('one');
  await user.finish(first, ['1', '2', '3']);
  assert.equal(proxy.roundTrips - before, 2, 'also for a new thread');

  before = proxy.roundTrips;
  const second = await user.accept('two');
  const third = await user.accept('three');
  await user.finish(second, ['2']);
  await user.finish(third, ['3']);
  assert.equal(proxy.roundTrips - before, 4, 'also for one that waits');
});

test('a step costs one round trip, and a question with its answer what two runs cost', async () => {
  await using database = await freshDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using store = await openStore(proxy.url);
  const user = await storeUser(store);
  let before = proxy.roundTrips;
  const first = await user.accept('one', DURABLE);
  await store.storeEntries(user.owner(first), [entryOf(first, 0), entryOf(first, 1)]);
  await store.storeEntries(user.owner(first), [entryOf(first, 2)]);
  await ask(user, first, {}, 3);
  const second = await user.accept('Yes', OPEN);
  assert.equal(second.chain?.chainId, first.runId);
  await user.finish(second, ['1'], { entries: [entryOf(second, 4)] });
  assert.equal(proxy.roundTrips - before, 6);

  before = proxy.roundTrips;
  const chain = await store.loadChain(first.runId);
  assert.equal(proxy.roundTrips - before, 1, 'a chain is read in one piece');
  assert.deepEqual([chain?.entries.length, chain?.runs.length], [5, 2]);
});

for (const plans of ['auto', 'force_generic_plan']) {
  test(`a run in a long thread does not read the thread (plan_cache_mode=${plans})`, async () => {
    await using database = await freshDatabase();
    const store = await openStore(database.url);
    const { thread } = await store.openThread({ contactId: 'customer:1' });
    await withClient(database.url, async (client) => {
      const name = new URL(database.url).pathname.slice(1);
      await client.query(`alter database ${name} set plan_cache_mode = ${plans}`);
      await insertMessages(client, thread.id, 10_000);
      await client.query('analyze');
    });
    await store.close();

    const before = await eventsRead(database.url);
    const again = await openStore(database.url);
    const user = await storeUser(again);
    const [last] = await again.appendEvents(thread.id, [answer('last')]);
    assert.ok(last);
    let after = last;
    // More than five, after which a function's plan may no longer be made for the values at hand.
    const runs = 20;
    for (let n = 0; n < runs; n++) {
      const known = { threadId: thread.id, after };
      const run = await user.accept('Hello', { known });
      assert.equal(run.fresh?.events.length, n === 0 ? 1 : 2);
      await user.finish(run, ['Hi']);
      after = run.fresh?.events.at(-1) ?? after;
    }
    await again.close();
    const read = (await eventsRead(database.url)) - before;
    assert.ok(read > 0 && read < runs * 20, `${read} events read by ${runs} runs`);
  });
}

test('what was noted of a thread is brought in without reading the others', async () => {
  await using database = await freshDatabase();
  const store = await openStore(database.url);
  const { thread: long } = await store.openThread({ contactId: 'customer:1' });
  // Without `analyze`: that PostgreSQL does not know how large its tables are is when it plans worst.
  await withClient(database.url, (client) => insertMessages(client, long.id, 10_000));
  const { thread } = await store.openThread({ contactId: 'customer:2' });
  await store.listThreads({ limit: 1 });
  await store.close();

  const before = await eventsRead(database.url);
  const noted = 900;
  await withClient(database.url, (client) => insertMessages(client, thread.id, noted));
  const again = await openStore(database.url);
  const { threads } = await again.listThreads({ contactId: 'customer:2', limit: 1 });
  assert.equal(threads[0]?.lastMessage?.excerpt, 'Hello');
  await again.close();
  const read = (await eventsRead(database.url)) - before;
  assert.ok(read > noted && read < noted * 5, `${read} events read for ${noted}`);
});

/** How many rows of `thread_events` were read so far; a connection tells it when it is closed. */
function eventsRead(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const busy = `select from pg_stat_activity where application_name = 'jims' and datname = current_database()`;
    while ((await client.query(busy)).rowCount !== 0);
    const { rows } = await client.query<{ count: number }>(
      `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as count
       from pg_stat_user_tables where relname = 'thread_events'`,
    );
    return rows[0]?.count ?? 0;
  });
}

async function insertMessages(client: Client, threadId: string, count: number): Promise<void> {
  await client.query(
    `insert into thread_events (thread_id, event_id, created_at, event_type, event_data)
     select $1, gen_random_uuid(), now()::timestamp + n * interval '1 microsecond',
            'comm.user_message', '{"role": "user", "content": "Hello"}'
     from generate_series(1, $2) as n`,
    [threadId, count],
  );
}
