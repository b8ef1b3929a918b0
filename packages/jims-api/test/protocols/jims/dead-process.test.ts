// What becomes of runs whose process dies: of durable ones by what their clients wanted.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from 'jims-core';
import type { Store, ThreadContext } from 'jims-core';

import { MORTAL, crashingStore } from '../../../../jims-core/test/support/crashing-store.ts';
import { eventually } from '../../../../jims-core/test/support/eventually.ts';
import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { jsonOf, testApiOn } from '../../support/api.ts';
import { liveFrames } from '../../support/live-frames.ts';

describeStores(({ fresh }) => {
  for (const [on_disconnect, status, code, executions] of [
    ['continue', 'completed', undefined, 2],
    ['cancel', 'cancelled', 'disconnected', 1],
  ] as const) {
    test(`a run with on_disconnect ${on_disconnect} is ${status}`, async () => {
      await using database = await fresh();
      await using store = await openStore(database.url);
      let begun = 0;
      const app = {
        durable: true,
        async pipeline(ctx: ThreadContext): Promise<void> {
          if (++begun > 1) return ctx.sendMessage('Done');
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
        },
      };
      const crashing = crashingStore(store);
      const first = testApiOn(crashing.store, app);
      await first.app.open(MORTAL);
      const body = { contact_id: 'c', message: 'hi', include: ['thread'], on_disconnect };
      const frames = liveFrames(await first.post('/api/v1/chat/stream', body));
      const runId = String((await frames.until('thread')).data['run_id']);
      await eventually(() => begun === 1);
      await crashing.crash();

      await using second = testApiOn(living(store), app);
      const read = async (): Promise<Readonly<Record<string, unknown>>> =>
        jsonOf(await second.get(`/api/v1/runs/${runId}?wait=30`));
      await eventually(async () => (await read())['status'] !== 'running');
      const run = await read();
      assert.deepEqual([run['status'], Object(run['error'] ?? {}).code], [status, code]);
      assert.equal(begun, executions);
      await frames.leave();
    });
  }
});

describeStores(({ fresh }) => {
  test('a run that is lost with its process is counted by the one that finds it', async () => {
    await using database = await fresh();
    await using store = await openStore(database.url);
    const forever = (): Promise<never> => new Promise(() => {});
    const crashing = crashingStore(store);
    const first = testApiOn(crashing.store, forever);
    await first.app.open(MORTAL);
    const { id } = await first.app.runs.start({ contactId: 'c', message: 'hi' });
    await crashing.crash();

    await using second = testApiOn(living(store), forever);
    await second.app.open();
    await eventually(async () => (await second.app.runs.record(id))?.error?.code === 'lost');
    const metrics = await (await second.app.metrics.registry()).metrics();
    assert.match(metrics, /^jims_runs_lost_total 1$/m);
  });
});

/** A view that an app may close. */
function living(store: Store): Store {
  return { ...store, close: async () => {} };
}
