import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from '../../../src/store/open-store.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { eventually } from '../../support/eventually.ts';
import { storeUser } from '../../support/store-user.ts';
import type { StoreUser } from '../../support/store-user.ts';

test('a process is woken when another one gives it its turn, stops its run, or reaps a third one’s', async () => {
  await using database = await emptiedDatabase();
  await using here = await openStore(database.url);
  await using there = await openStore(database.url);
  const one = await storeUser(here);
  const two = await storeUser(there);
  const dead = await storeUser(there);
  const ones = await wakeCount(one);
  const twos = await wakeCount(two);

  const first = await one.accept('first');
  const second = await two.accept('second');
  await one.finish(first);
  await eventually(() => twos.count === 1);

  await here.requestCancel(second.runId);
  await eventually(() => twos.count === 2);

  const third = await dead.accept('third');
  const fourth = await two.accept('fourth');
  await one.accept('fifth', { onBusy: 'interrupt' });
  await eventually(() => twos.count === 3);

  await two.finish(second);
  await here.endLease(dead.instanceId);
  const { started } = await here.reapRuns();
  assert.deepEqual(started, [{ runId: fourth.runId, instanceId: two.instanceId }]);
  await eventually(() => twos.count === 4);
  assert.equal((await here.run(third.runId))?.error?.code, 'lost');

  // All notifications go through the same server in order: one more shows that no other came before it.
  assert.equal(ones.count, 0);
  await there.requestCancel((await one.accept('sixth')).runId);
  await eventually(() => ones.count === 1);
  assert.equal(twos.count, 4);
});

test('a process whose own next run starts is not woken', async () => {
  await using database = await emptiedDatabase();
  await using store = await openStore(database.url);
  await using other = await openStore(database.url);
  const user = await storeUser(store);
  const wakes = await wakeCount(user);
  const first = await user.accept('first');
  const second = await user.accept('second');
  await user.finish(first);
  await user.accept('third', { onBusy: 'interrupt' });
  assert.equal(wakes.count, 0);
  await other.requestCancel(second.runId);
  await eventually(() => wakes.count === 1);
});

async function wakeCount({ store, instanceId }: StoreUser): Promise<{ readonly count: number }> {
  const wakes = { count: 0 };
  await store.listen(instanceId, () => wakes.count++);
  return wakes;
}
