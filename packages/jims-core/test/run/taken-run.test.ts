// A process that slept for longer than its lease: others took its runs, and it learns so when it wakes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from '../../src/app/app.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { keyOf, question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const LEASE_MS = 100;

describeStores((kind) => {
  test('a run that was taken and is begun again is not stopped for the attempt that was taken', async () => {
    await using database = await kind.fresh();
    await using store = await openStore(database.url);
    const sleeper = sleepingStore(store);
    const ends: PromiseWithResolvers<void>[] = [];
    const app = defineApp({
      store: sleeper.store,
      async pipeline(ctx) {
        const end = Promise.withResolvers<void>();
        ends.push(end);
        await end.promise;
        ctx.sendMessage('answered');
      },
    });
    await app.open({ limits: { leaseMs: LEASE_MS } });
    const { thread } = await store.openThread({ contactId: randomUUID() });
    const ask = (): ReturnType<typeof app.runs.start> =>
      app.runs.start({
        thread: { kind: 'thread', threadId: thread.id },
        incoming: question('asked'),
        idempotency: keyOf('asked'),
      });

    const taken = await ask();
    const looked = await sleeper.sleep(taken.id);
    const again = await ask();
    assert.equal(again.replayed, false);
    await looked.answer();
    ends.forEach((end) => end.resolve());

    assert.equal((await again.end).type, 'result');
    const first = await taken.end;
    assert.equal(first.type === 'error' && first.error.code, 'lost');
    await app.close(0);
  });
});

interface SleepingStore {
  readonly store: Store;
  /**
   * The process is taken for dead, and wakes. Resolves when it looks whether it still has the run;
   * what it sees is what there is when `answer` is called.
   */
  sleep(runId: string): Promise<{ answer(): Promise<void> }>;
}

function sleepingStore(store: Store): SleepingStore {
  let instanceId = '';
  let awake = Promise.resolve();
  let renewed = Promise.resolve();
  let watched: string | undefined;
  const looks = Promise.withResolvers<void>();
  const mayLook = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();

  return {
    store: {
      ...store,
      async renewLease(id, leaseMs) {
        instanceId = id;
        await awake;
        // Longer than the process believes: a slow test must not lose runs.
        renewed = store.renewLease(id, leaseMs * 1000);
        await renewed;
      },
      async pollRuns(id, runIds) {
        if (watched === undefined || !runIds.includes(watched)) return store.pollRuns(id, runIds);
        looks.resolve();
        await mayLook.promise;
        const found = await store.pollRuns(id, runIds);
        setImmediate(looked.resolve);
        return found;
      },
      close: async () => {},
    },
    async sleep(runId) {
      watched = runId;
      const waking = Promise.withResolvers<void>();
      awake = waking.promise;
      // A renewal that is under way must not come after the end of the lease.
      await renewed;
      await store.endLease(instanceId);
      await store.reapRuns();
      await store.renewLease(instanceId, LEASE_MS * 1000);
      await sleep(LEASE_MS * 2);
      waking.resolve();
      await looks.promise;
      return {
        async answer() {
          mayLook.resolve();
          await looked.promise;
        },
      };
    },
  };
}
