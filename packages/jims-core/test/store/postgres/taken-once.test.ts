import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from '../../../src/store/open-store.ts';
import { DURABLE, reap } from '../../support/durable-runs.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { latestOf, storeUser } from '../../support/store-user.ts';

const RUNS = 200;
const PROCESSES = 6;
const AT_ONCE = 4;

test('of many processes that look for runs at once, a few at a time, each run has one', async () => {
  await using database = await emptiedDatabase();
  await using store = await openStore(database.url);
  const dead = await storeUser(store);
  const accepted = Array.from({ length: RUNS }, (_, index) =>
    dead.accept('Hello', { ...DURABLE, thread: latestOf(`customer:${index}`) }),
  );
  const runs = await Promise.all(accepted);
  await using stores = new AsyncDisposableStack();
  const processes = [];
  for (let n = 0; n < PROCESSES; n++) {
    processes.push(await storeUser(stores.use(await openStore(database.url))));
  }
  await store.endLease(dead.instanceId);

  const taken = await Promise.all(
    processes.map(async (user) => {
      const mine: string[] = [];
      for (;;) {
        const { recovered } = await reap(user, { places: AT_ONCE });
        if (recovered.length === 0) return mine;
        mine.push(...recovered.map(({ runId }) => runId));
      }
    }),
  );
  assert.deepEqual(taken.flat().toSorted(), runs.map(({ runId }) => runId).toSorted());
});
