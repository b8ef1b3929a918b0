import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { RunProgress } from '../../src/store/store.ts';
import { freshStore, keyOf, storeUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const DAY_MS = 86_400_000;

describeStores((kind) => {
  const shared = kind.name === 'postgres';

  test('what a run tells can be read by another process, from any place on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await store.appendProgress(user.owner(run), [told(1), told(2)]);
    await store.appendProgress(user.owner(run), [told(3)]);
    const all = shared ? [told(1), told(2), told(3)] : [];
    assert.deepEqual(await store.readProgress(run.runId, 0), all);
    assert.deepEqual(await store.readProgress(run.runId, 2), all.slice(2));
    assert.deepEqual(await store.readProgress(run.runId, 3), []);
    assert.deepEqual(await store.readProgress('no-uuid', 0), []);
    await user.finish(run);
    assert.deepEqual(await store.readProgress(run.runId, 0), all);
  });

  test('only the owner of an active run tells', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const other = await storeUser(store);
    const run = await user.accept('one');
    await store.appendProgress(other.owner(run), [told(1)]);
    await user.finish(run);
    await store.appendProgress(user.owner(run), [told(2)]);
    assert.deepEqual(await store.readProgress(run.runId, 0), []);
  });

  test('a run that is run again tells from the beginning', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const idempotency = keyOf('k');
    const first = await dead.accept('one', { idempotency });
    await store.appendProgress(dead.owner(first), [told(1), told(2)]);
    await store.endLease(dead.instanceId);
    await store.reapRuns();
    const again = await user.accept('one', { idempotency });
    assert.deepEqual(await store.readProgress(first.runId, 0), []);
    await store.appendProgress(dead.owner(first), [told(3)]);
    await store.appendProgress(user.owner(again), [told(1)]);
    assert.deepEqual(await store.readProgress(first.runId, 0), shared ? [told(1)] : []);
  });

  test('what a run told last is kept with its end, once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await store.appendProgress(user.owner(run), [told(1)]);
    const nul = { seq: 3, event: { type: 'status', text: '\0' } };
    await user.finish(run, ['1'], { progress: [told(1), told(2), nul], lastSeq: 4 });
    assert.deepEqual(await store.readProgress(run.runId, 0), shared ? [told(1), told(2)] : []);
  });

  test('the progress of finished runs is purged, that of active ones stays', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const one = await user.accept('one');
    const two = await user.accept('two');
    for (const run of [one, two]) await store.appendProgress(user.owner(run), [told(1)]);
    await user.finish(one);
    await sleep(20);
    const limits = { finishedRunsMs: DAY_MS, batch: 100 };
    await store.purge({ ...limits, progressMs: DAY_MS });
    assert.equal((await store.readProgress(one.runId, 0)).length, shared ? 1 : 0);
    await store.purge({ ...limits, progressMs: 10 });
    assert.deepEqual(await store.readProgress(one.runId, 0), []);
    assert.equal((await store.readProgress(two.runId, 0)).length, shared ? 1 : 0);
  });
});

function told(seq: number): RunProgress {
  return { seq, event: { type: 'delta', text: `ü "${seq}" \\` } };
}
