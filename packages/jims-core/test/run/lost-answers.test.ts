// The database stored how a run ended, and the connection was lost before its answer came.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import { JimsError } from '../../src/errors/jims-error.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import type { RunEnd } from '../../src/run/run-events.ts';
import type { Run } from '../../src/run/run.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { emptiedDatabase } from '../support/emptied-database.ts';
import { eventually } from '../support/eventually.ts';
import { conversation, keyOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';

describeStores((kind) => {
  for (const losses of [1, 2]) {
    test(`an answer that was stored is given, though ${losses} times nobody heard so`, async () => {
      await using world = await openWorld(kind.fresh, losses);
      const run = await ask(world.app, 'answer');
      const end = await run.end;
      assert.equal(end.type, 'result');
      const texts =
        end.type === 'result' ? end.result.events.map(({ data }) => data['content']) : [];
      assert.deepEqual(texts, ['one', 'two']);
      assert.deepEqual(await conversation(world.store, run.thread.id), ['answer', 'one', 'two']);
      await sameByKey(world.app, 'answer', end);
    });

    test(`a failure that was stored is reported, though ${losses} times nobody heard so`, async () => {
      await using world = await openWorld(kind.fresh, losses);
      const end = await (await ask(world.app, 'throw')).end;
      assert.equal(end.type === 'error' && end.error.code, 'pipeline_failed');
      assert.equal((await (await ask(world.app, 'throw')).end).type, 'error');
    });
  }

  test('a stop that was stored is reported, though nobody heard so', async () => {
    await using world = await openWorld(kind.fresh, 1);
    const run = await ask(world.app, 'wait');
    for await (const { type } of run.listen()) if (type === 'event') run.cancel();
    const end = await run.end;
    assert.equal(end.type, 'cancelled');
    assert.equal(end.type === 'cancelled' && end.events.length, 1);
    await sameByKey(world.app, 'wait', end);
  });

  test('the next run of the queue begins, though nobody heard that the one before ended', async () => {
    await using world = await openWorld(kind.fresh, 2);
    const first = await ask(world.app, 'wait');
    const next = await ask(world.app, 'answer');
    first.cancel();
    assert.equal((await next.end).type, 'result');
  });

  test('a run that another process ended as lost is lost, whatever this one wanted to store', async () => {
    await using database = await kind.fresh();
    const store = await openStore(database.url);
    let instanceId = '';
    const app = defineApp({
      store: {
        ...store,
        async renewLease(id, leaseMs) {
          instanceId = id;
          await store.renewLease(id, leaseMs);
        },
      },
      pipeline: talk,
    });
    const run = await ask(app, 'wait');
    await store.endLease(instanceId);
    await store.reapRuns();
    run.cancel();
    const end = await run.end;
    assert.equal(end.type === 'error' && end.error.code, 'lost');
    await app.close();
  });
});

test('an answer is given when PostgreSQL stored it and the connection broke', async () => {
  await using database = await emptiedDatabase();
  await using proxy = await openTcpProxy(database.url);
  await using app = defineApp({ store: proxy.url, pipeline: talk });
  await app.open();
  proxy.loseNextAnswer('finish_run');
  const run = await ask(app, 'answer');
  assert.equal((await run.end).type, 'result');
  await eventually(async () => (await app.runs.record(run.id))?.status === 'completed');
});

interface World extends AsyncDisposable {
  readonly app: JimsApp;
  readonly store: Store;
}

/** An app whose store does what it is to do when a run ends, and says so many times that it does not answer. */
async function openWorld(
  fresh: () => Promise<AsyncDisposable & { readonly url: string }>,
  losses: number,
): Promise<World> {
  const database = await fresh();
  const store = await openStore(database.url);
  let left = losses;
  const app = defineApp({
    store: {
      ...store,
      async finishRun(...args) {
        const result = await store.finishRun(...args);
        if (left-- > 0) throw new JimsError('store_unavailable', 'The answer was lost');
        return result;
      },
    },
    pipeline: talk,
  });
  return {
    app,
    store,
    async [Symbol.asyncDispose]() {
      await app.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function talk(ctx: ThreadContext): Promise<void> {
  const plan = ctx.lastUserMessage;
  ctx.sendMessage('one');
  if (plan === 'throw') throw new Error('as planned');
  if (plan === 'wait') await stopped(ctx.signal);
  ctx.sendMessage('two');
}

function stopped(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

function ask(app: JimsApp, text: string): Promise<Run> {
  return app.runs.start({
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: question(text),
    idempotency: keyOf(text),
  });
}

async function sameByKey(app: JimsApp, text: string, end: RunEnd): Promise<void> {
  const again = await ask(app, text);
  assert.equal(again.replayed, true);
  assert.deepEqual(await again.end, end);
}
