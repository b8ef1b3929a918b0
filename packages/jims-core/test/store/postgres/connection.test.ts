import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

import { isJimsError } from '../../../src/errors/jims-error.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { eventually } from '../../support/eventually.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';
import { conversation, eventsOf, keyOf, storeUser } from '../../support/store-user.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';

test('a store whose connections are all ended by the server goes on with new ones', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  let woken = 0;
  await store.listen(user.instanceId, () => woken++);
  const run = await user.accept('one');
  // Some are in use when it happens.
  const underWay = Array.from({ length: 20 }, () => outcomeOf(store.ping()));
  await endConnections(database.url);
  for (const outcome of await Promise.all(underWay)) {
    assert.ok(outcome === 'done' || outcome === 'store_unavailable', outcome);
  }
  await eventually(async () => (await outcomeOf(store.ping())) === 'done');
  await user.finish(run, ['1']);
  assert.deepEqual(await conversation(store, run.thread.id), ['one', '1']);
  await eventually(() => woken > 0);
});

test('a store is unavailable while its server is away, and then goes on', async () => {
  await using database = await freshDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using store = await openStore(proxy.url);
  const user = await storeUser(store);
  const run = await user.accept('one');
  proxy.cut();
  for (let n = 0; n < 3; n++) assert.equal(await outcomeOf(user.ask('two')), 'store_unavailable');
  assert.equal(await outcomeOf(user.finish(run, ['1'])), 'store_unavailable');
  assert.equal(await outcomeOf(eventsOf(store, run.thread.id)), 'store_unavailable');
  proxy.restore();
  await user.finish(run, ['1']);
  const next = await user.accept('three');
  assert.equal(next.status, 'running');
  assert.deepEqual(await conversation(store, run.thread.id), ['one', '1', 'three']);
});

test('an error does not show the statement or its data', async () => {
  await using database = await freshDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using store = await openStore(proxy.url);
  const user = await storeUser(store);
  proxy.cut();
  await assert.rejects(user.ask('a secret'), (error) => {
    assert.ok(isJimsError(error));
    assert.equal(error.message, 'PostgreSQL does not answer');
    assert.ok(error.cause instanceof Error);
    return true;
  });
});

test('a run that was accepted although its answer was lost does not hold up its thread', async () => {
  await using database = await freshDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using store = await openStore(proxy.url);
  await using other = await openStore(database.url);
  const user = await storeUser(store);
  const { thread } = await other.openThread({ contactId: 'customer:1' });
  const idempotency = keyOf('k');
  proxy.loseNextAnswer();
  assert.equal(await outcomeOf(user.ask('Hello', { idempotency })), 'store_unavailable');
  assert.deepEqual(await conversation(other, thread.id), ['Hello'], 'it was accepted');

  const watcher = await storeUser(other);
  const next = await watcher.accept('and then?');
  assert.equal(next.status, 'queued');
  await eventually(async () => (await other.run(next.runId))?.status === 'running');
  await watcher.finish(next);
  const again = await user.accept('Hello', { idempotency });
  assert.equal(again.attempt, 2);
  assert.deepEqual(await conversation(other, thread.id), ['Hello', 'and then?']);
});

test('the answer to a lost run’s second attempt may be lost, too', async () => {
  await using database = await freshDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using store = await openStore(proxy.url);
  await using other = await openStore(database.url);
  const user = await storeUser(store);
  const idempotency = keyOf('k');
  const first = await user.accept('Hello', { idempotency });
  const error = { code: 'shutting_down', message: 'The service was shut down' };
  await user.finish(first, [], { status: 'failed', error });
  proxy.loseNextAnswer();
  assert.equal(await outcomeOf(user.ask('Hello', { idempotency })), 'store_unavailable');
  await eventually(async () => (await other.run(first.runId))?.error?.code === 'lost');
  assert.equal((await user.accept('Hello', { idempotency })).attempt, 3);
});

test('a call does not wait without end for a thread that another program keeps locked', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  const { thread } = await store.openThread({ contactId: 'customer:1' });
  await withClient(database.url, async (client) => {
    await client.query('begin');
    await client.query('select from threads for update');
    assert.equal(await outcomeOf(user.ask('Hello')), 'store_unavailable');
    await client.query('commit');
  });
  assert.deepEqual(await conversation(store, thread.id), []);
  assert.equal((await user.accept('Hello')).status, 'running');
});

test('a store may be closed while a notification or a request is pending', async () => {
  await using database = await freshDatabase();
  const store = await openStore(database.url);
  const user = await storeUser(store);
  await store.listen(user.instanceId, () => {});
  const run = await user.accept('one');
  const pending = outcomeOf(store.requestCancel(run.runId));
  await store.close();
  assert.ok(['done', 'store_unavailable'].includes(await pending));
  assert.equal(await outcomeOf(store.ping()), 'store_unavailable');
  assert.equal(await connectionCount(database.url), 0);
});

test('a store that is closed while it begins to listen leaves no connection', async () => {
  await using database = await freshDatabase();
  const store = await openStore(database.url);
  const listening = store.listen(crypto.randomUUID(), () => {});
  await store.close();
  await listening;
  assert.equal(await connectionCount(database.url), 0);
});

test('a store that cannot be opened leaves no connection', async () => {
  await using database = await freshDatabase();
  await withClient(database.url, (client) => client.query('create table threads (id text)'));
  await assert.rejects(openStore(database.url), /no column/);
  assert.equal(await connectionCount(database.url), 0);
});

test('a process ends whether it has closed its store or not', async () => {
  await using database = await freshDatabase();
  for (const end of ['await store.close();', '']) {
    const script = `
      import { openStore } from ${JSON.stringify(OPEN_STORE)};
      const store = await openStore(${JSON.stringify(database.url)});
      await store.listen(crypto.randomUUID(), () => {});
      await store.ping();
      ${end}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  }
});

const OPEN_STORE = new URL('../../../src/store/open-store.ts', import.meta.url).href;

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    assert.ok(isJimsError(error), String(error));
    return error.code;
  }
}

const OTHERS = 'pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';

function endConnections(url: string): Promise<unknown> {
  return withClient(url, (client) =>
    client.query(`select pg_terminate_backend(pid) from ${OTHERS}`),
  );
}

/** The connections of the store; the server may need a moment to notice that one is closed. */
async function connectionCount(url: string): Promise<number> {
  return withClient(url, async (client) => {
    let count = 1;
    await eventually(async () => {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::integer as count from ${OTHERS} and application_name = 'jims'`,
      );
      count = rows[0]?.count ?? 1;
      return count === 0;
    });
    return count;
  });
}
