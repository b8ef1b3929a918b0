// The life of an app: opened once, closed once, and nothing is left of what failed to open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JimsError, defineApp, newEvent } from 'jims-core';
import type { JimsApp, RunRequest } from 'jims-core';

import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/eventually.ts';
import { freshDatabase, withClient } from '../support/postgres.ts';
import { describeStores } from '../support/stores.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';

const CLOSED = { code: 'shutting_down' };

describeStores((kind) => {
  test('an app may be closed twice, also at once', async () => {
    await using database = await kind.fresh();
    const app = defineApp({ pipeline: (ctx) => ctx.sendMessage('Hi'), store: database.url });
    const thread = await app.threads.getOrCreate({ contactId: 'c' });
    const running = thread.run((ctx) => ctx.sendMessage('done'));
    await Promise.all([app.close(5000), app.close()]);
    assert.equal((await running).length, 1);
    await app.close();
    await assert.rejects(
      thread.run(() => {}),
      CLOSED,
    );
  });

  test('what was seen of a cut-off run is kept, unless its client sends it again by its key', async () => {
    for (const idempotency of [undefined, { scope: 's', key: 'k', fingerprint: 'f' }]) {
      await using database = await kind.fresh();
      const begun = Promise.withResolvers<void>();
      const first = defineApp({
        store: database.url,
        async pipeline(ctx) {
          ctx.sendMessage('whole');
          await ctx.sendMessage(half(ctx.signal, begun.resolve));
        },
      });
      const start = (app: JimsApp): ReturnType<typeof startIn> =>
        startIn(app, idempotency && { idempotency });
      const cutOff = await start(first);
      await begun.promise;
      await first.close(0);
      assert.partialDeepStrictEqual(await cutOff.end, {
        type: 'cancelled',
        reason: 'shutting_down',
      });
      const seen: unknown[] = [];
      await using next = defineApp({
        store: database.url,
        pipeline(ctx) {
          seen.push(ctx.history.map(({ content }) => content));
          ctx.sendMessage('the answer');
        },
      });
      const run = await start(next);
      assert.equal((await run.end).type, 'result');
      const events = (await Array.fromAsync(next.threads.allEvents(run.thread))).flat();
      const said = events.flatMap(({ data: { content } }) => content ?? []);
      const before = ['x', 'whole', 'half', 'x'];
      assert.deepEqual(seen, [idempotency ? ['x'] : before]);
      assert.deepEqual(said, [...(idempotency ? ['x'] : before), 'the answer']);
    }
  });

  test('an app that was never used is closed, and stays so', async () => {
    await using database = await kind.fresh();
    const app = defineApp({ pipeline: () => {}, store: database.url });
    await app.close();
    await refusesAllUse(app);
  });

  test('a closed app refuses every use, also by what it gave before', async () => {
    await using database = await kind.fresh();
    const app = defineApp({ pipeline: () => {}, store: database.url });
    const thread = await app.threads.getOrCreate({ contactId: 'c' });
    await app.close();
    await refusesAllUse(app);
    await assert.rejects(thread.append(newEvent('comm.user_message', { content: 'x' })), CLOSED);
    await assert.rejects(thread.makeContext(), CLOSED);
  });

  test('an app that is closed while it opens is closed', async () => {
    await using database = await kind.fresh();
    const app = defineApp({ pipeline: () => {}, store: database.url });
    const opening = app.open().catch(() => {});
    await app.close();
    await opening;
    await refusesAllUse(app);
  });

  test('a store that the app was given is closed with it, used or not', async () => {
    await using database = await kind.fresh();
    for (const use of [true, false]) {
      let closed = 0;
      const store = counting(await openStore(database.url), () => closed++);
      const app = defineApp({ pipeline: () => {}, store });
      if (use) await app.ping();
      await app.close();
      assert.equal(closed, 1);
    }
  });

  test('options that come too late are refused, and nothing changes', async () => {
    await using database = await kind.fresh();
    await using app = defineApp({ pipeline: () => {}, store: database.url });
    await app.ping();
    await assert.rejects(app.open({ limits: { maxRuns: 1 } }), (error) => {
      assert.ok(error instanceof JimsError);
      assert.equal(error.code, 'app_invalid');
      assert.match(error.message, /call open\(\) before.*jims-api serves leave open\(\) out/);
      return true;
    });
    await app.open();
    await app.open({});
    await app.ping();
  });

  test('an opening that failed is tried again with its options', async () => {
    await using database = await kind.fresh();
    let fails = true;
    const own = await openStore(database.url);
    const store: Store = {
      ...own,
      renewLease: (...args) =>
        fails
          ? Promise.reject(new JimsError('store_unavailable', 'not yet'))
          : own.renewLease(...args),
    };
    await using app = defineApp({ pipeline: (ctx) => waiting(ctx.signal), store });
    await assert.rejects(app.open({ limits: { maxRuns: 1 } }), { code: 'store_unavailable' });
    fails = false;
    const run = await startIn(app);
    await assert.rejects(startIn(app), { code: 'overloaded' });
    run.cancel();
  });

  test('a tail of a thread ends when the app is closed', async () => {
    await using database = await kind.fresh();
    const app = defineApp({ pipeline: () => {}, store: database.url });
    const { thread } = await app.threads.getOrCreate({ contactId: 'c' });
    const { signal } = new AbortController();
    const events = app.threads.follow(thread.id, { signal });
    assert.equal((await events.next()).done, false);
    const end = events.next();
    await app.close();
    assert.equal((await end).done, true);
  });
});

test('an app whose lease cannot be written leaves no connection, however often it is tried', async () => {
  await using database = await freshDatabase();
  const app = defineApp({ pipeline: () => {}, store: database.url });
  await (await openStore(database.url)).close();
  const revoked =
    "create function refuse() returns trigger language plpgsql as $$ begin raise exception sqlstate '25006'; end $$";
  await withClient(database.url, async (client) => {
    await client.query(revoked);
    await client.query(
      'create trigger refuse before insert on jims.instances execute function refuse()',
    );
  });
  for (let n = 0; n < 5; n++) await assert.rejects(app.ping(), { code: 'store_unavailable' });
  await eventually(async () => (await connectionCount(database.url)) === 0);

  await withClient(database.url, (client) => client.query('drop trigger refuse on jims.instances'));
  await app.ping();
  await app.close();
  await eventually(async () => (await connectionCount(database.url)) === 0);
});

for (const fault of ['cut', 'stall'] as const) {
  test(`an app is closed in bounded time while its database is away (${fault})`, async () => {
    await using database = await freshDatabase();
    await using proxy = await openTcpProxy(database.url);
    const app = defineApp({ pipeline: (ctx) => waiting(ctx.signal), store: proxy.url });
    await app.open({ limits: { graceMs: 500 } });
    const run = await startIn(app);
    proxy[fault]();
    const from = performance.now();
    await app.close(100);
    assert.ok(performance.now() - from < 20_000);
    await refusesAllUse(app);
    proxy.restore();
    assert.notEqual((await run.end).type, 'result');
  });
}

async function refusesAllUse(app: JimsApp): Promise<void> {
  const contactId = 'c';
  const threadId = crypto.randomUUID();
  for (const use of [
    () => app.open(),
    () => app.open({ limits: { maxRuns: 1 } }),
    () => app.ping(),
    () => app.threads.getOrCreate({ contactId }),
    () => app.threads.latest(contactId),
    () => app.threads.list({ limit: 1 }),
    () => app.threads.delete({ contactId }),
    () => app.runs.find(threadId),
    () => app.runs.active(threadId),
    () => app.runs.cancel(threadId),
    () => startIn(app),
    () => app.threads.follow(threadId, { signal: new AbortController().signal }).next(),
  ]) {
    await assert.rejects(use, CLOSED, String(use));
  }
  await app.close();
}

async function* half(signal: AbortSignal, onBegun: () => void): AsyncGenerator<string> {
  yield 'half';
  onBegun();
  await waiting(signal);
}

function startIn(
  app: JimsApp,
  options: Pick<RunRequest, 'idempotency'> = {},
): ReturnType<JimsApp['runs']['start']> {
  return app.runs.start({
    ...options,
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: newEvent('comm.user_message', { role: 'user', content: 'x' }),
  });
}

function waiting(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

function counting(store: Store, onClose: () => void): Store {
  return {
    ...store,
    async close() {
      onClose();
      await store.close();
    },
  };
}

function connectionCount(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      `select count(*)::integer as count from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()
         and backend_type = 'client backend'`,
    );
    return rows[0]?.count ?? -1;
  });
}
