// Runs that may be what ended their processes.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import { DURABLE, endPauses, reap } from '../support/durable-runs.ts';
import { eventually } from '../support/eventually.ts';
import { freshStore, latestOf, storeUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('go on one at a time, each as soon as the one before it has ended', async (t) => {
    // No look for runs comes by itself.
    t.mock.timers.enable({ apis: ['setInterval'] });
    await using user = await freshStore(kind);
    const { store } = user;
    const runIds: string[] = [];
    let dying = await storeUser(store);
    for (const contact of ['a', 'b', 'c']) {
      const run = await dying.accept(contact, { ...DURABLE, thread: latestOf(contact) });
      runIds.push(run.runId);
    }
    for (let time = 0; time < 2; time++) {
      await store.endLease(dying.instanceId);
      await endPauses(kind, user.url);
      dying = await storeUser(store);
      assert.equal((await reap(dying)).recovered.length, 3);
    }
    await store.endLease(dying.instanceId);
    await endPauses(kind, user.url);

    const executed: string[] = [];
    let atOnce = 0;
    await using app = defineApp({
      durable: true,
      version: 'v1',
      store,
      async pipeline(ctx) {
        executed.push(ctx.runId);
        assert.equal(++atOnce, 1);
        await ctx.step('work', () => {});
        atOnce--;
      },
    });
    await app.open();
    const states = (): Promise<readonly unknown[]> =>
      Promise.all(runIds.map(async (runId) => (await store.run(runId))?.status));
    await eventually(async () => (await states()).every((status) => status === 'completed'));
    assert.deepEqual(executed, runIds);
  });
});
