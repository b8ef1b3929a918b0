// A durable run that its process has, as PostgreSQL says, and does not execute: no other process takes it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import type { JimsApp } from '../../src/app/app.ts';
import type { ThreadContext } from '../../src/pipeline/thread-context.ts';
import type { Run } from '../../src/run/run.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { DURABLE } from '../support/durable-runs.ts';
import { eventually } from '../support/eventually.ts';
import { freshDatabase } from '../support/postgres.ts';
import { conversation, latestOf, question, storeUser } from '../support/store-user.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

const LEASE_MS = 1000;

describe('a durable run goes on in its process', { concurrency: true }, () => {
  test('when the database was away for longer than the lease', async () => {
    await using world = await openWorld();
    const { app, proxy } = world;
    await app.open({ limits: { leaseMs: LEASE_MS } });
    const run = await say(app, 'wait');
    await world.working;
    proxy.cut();
    const end = await run.end;
    assert.ok(end.type === 'cancelled' && end.goesOn);
    proxy.restore();
    world.finish();
    await world.hears(['wait', 'done']);
  });

  test('when its chain could not be read', async () => {
    await using world = await openWorld();
    const { app, proxy } = world;
    await app.open({ limits: { leaseMs: LEASE_MS } });
    await (
      await say(app, 'ask')
    ).end;
    proxy.loseNextAnswer('load_chain');
    await say(app, 'yes');
    await world.hears(['ask', 'Sure?', 'yes', 'You said yes']);
  });

  test('when the answer was lost that gave it to this process', async () => {
    await using world = await openWorld();
    const { app, proxy, store } = world;
    const dead = await storeUser(store);
    await dead.accept('ask', { thread: latestOf('c'), ...DURABLE });
    await store.endLease(dead.instanceId);
    proxy.loseNextAnswer('reap_runs');
    await app.open({ limits: { leaseMs: LEASE_MS } });
    await world.hears(['ask', 'Sure?']);
  });

  test('when the answer was lost to the request that tried it once more', async () => {
    await using world = await openWorld();
    const { app, proxy, store } = world;
    const other = await storeUser(store);
    const run = await other.accept('ask', { thread: latestOf('c'), ...DURABLE });
    const error = { code: 'pipeline_changed', message: 'by a version that is gone' };
    await other.finish(run, [], { status: 'failed', error });
    await app.open({ limits: { leaseMs: LEASE_MS } });
    proxy.loseNextAnswer('retry_run');
    await assert.rejects(app.runs.retry(run.runId));
    await world.hears(['ask', 'Sure?']);
  });
});

interface World extends AsyncDisposable {
  readonly app: JimsApp;
  readonly proxy: TcpProxy;
  /** Of another process. */
  readonly store: Store;
  /** Resolves when a step works. */
  readonly working: Promise<void>;
  /** Lets the step end. */
  finish(): void;
  /** Resolves when this is the conversation. */
  hears(texts: readonly string[]): Promise<void>;
}

/** A durable app, and a network between it and its database. */
async function openWorld(): Promise<World> {
  const database = await freshDatabase();
  const proxy = await openTcpProxy(database.url);
  const store = await openStore(database.url);
  const working = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const work = (): Promise<void> => {
    working.resolve();
    return ended.promise;
  };
  const app = defineApp({ store: proxy.url, durable: true, pipeline: (ctx) => talk(ctx, work) });
  return {
    app,
    proxy,
    store,
    working: working.promise,
    finish: ended.resolve,
    async hears(texts) {
      await eventually(async () => {
        const thread = await store.latestThread('c');
        const heard = thread ? await conversation(store, thread.id) : [];
        return JSON.stringify(heard) === JSON.stringify(texts);
      });
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await store.close();
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function talk(ctx: ThreadContext, work: () => Promise<void>): Promise<void> {
  if (ctx.lastUserMessage === 'ask') {
    const answer = await ctx.ask('Sure?');
    ctx.sendMessage(`You said ${answer.kind === 'message' ? answer.text : answer.kind}`);
    return;
  }
  await ctx.step('work', work);
  ctx.sendMessage('done');
}

function say(app: JimsApp, text: string): Promise<Run> {
  return app.runs.start({ thread: latestOf('c'), incoming: question(text) });
}
