import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { AcceptedRun, RunProgress, Store } from '../../src/store/store.ts';
import { newId } from '../../src/thread/new-id.ts';
import { freshStore, keyOf, storeUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const DAY_MS = 86_400_000;

describeStores((kind) => {
  const shared = kind.name === 'postgres';

  test('another process can read what a run sends, from any position on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await store.appendProgress([{ owner: user.owner(run), progress: [sent(1), sent(2)] }]);
    await store.appendProgress([{ owner: user.owner(run), progress: [sent(3)] }]);
    const all = shared ? [sent(1), sent(2), sent(3)] : [];
    assert.deepEqual(await progressOf(store, run, 0), all);
    assert.deepEqual(await progressOf(store, run, 2), all.slice(2));
    assert.deepEqual(await progressOf(store, run, 3), []);
    await user.finish(run);
    assert.deepEqual(await progressOf(store, run, 0), all);
  });

  test('only the owner of an active run adds to its progress', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const other = await storeUser(store);
    const run = await user.accept('one');
    await store.appendProgress([{ owner: other.owner(run), progress: [sent(1)] }]);
    await user.finish(run);
    await store.appendProgress([{ owner: user.owner(run), progress: [sent(2)] }]);
    assert.deepEqual(await progressOf(store, run, 0), []);
  });

  test('the progress of a run that is run again begins anew', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const idempotency = keyOf('k');
    const first = await dead.accept('one', { idempotency });
    await store.appendProgress([{ owner: dead.owner(first), progress: [sent(1), sent(2)] }]);
    await store.endLease(dead.instanceId);
    await store.reapRuns();
    const again = await user.accept('one', { idempotency });
    assert.deepEqual(await progressOf(store, first, 0), []);
    await store.appendProgress([{ owner: dead.owner(first), progress: [sent(3)] }]);
    await store.appendProgress([{ owner: user.owner(again), progress: [sent(1)] }]);
    assert.deepEqual(await progressOf(store, first, 0), shared ? [sent(1)] : []);
  });

  test('one read has the status of several runs, and what was not seen of each', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const again = { idempotency: keyOf('k') };
    const [first, other] = [await dead.accept('one', again), await user.accept('two')];
    await store.appendProgress([
      { owner: dead.owner(first), progress: [sent(1), sent(2)] },
      { owner: user.owner(other), progress: [sent(1), sent(2), sent(3)] },
    ]);
    const seen = [
      { runId: first.runId, attempt: 1, afterSeq: 1 },
      { runId: other.runId, attempt: 1, afterSeq: 2 },
      { runId: newId(), attempt: 1, afterSeq: 0 },
    ];
    const look = async (): Promise<unknown> =>
      (await store.readProgress(seen))
        .toSorted(
          (a, b) =>
            seen.findIndex(({ runId }) => runId === a.runId) -
            seen.findIndex(({ runId }) => runId === b.runId),
        )
        .map(({ attempt, status, progress }) => [attempt, status, progress]);
    assert.deepEqual(await look(), [
      [1, 'running', shared ? [sent(2)] : []],
      [1, 'queued', shared ? [sent(3)] : []],
    ]);

    await store.endLease(dead.instanceId);
    await store.reapRuns();
    await user.finish(other);
    const second = await user.accept('one', again);
    await store.appendProgress([{ owner: user.owner(second), progress: [sent(1)] }]);
    assert.deepEqual(await look(), [
      [2, 'running', shared ? [sent(1)] : []],
      [1, 'completed', shared ? [sent(3)] : []],
    ]);
  });

  test('what a run sent last is kept with its end, once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await store.appendProgress([{ owner: user.owner(run), progress: [sent(1)] }]);
    const nul = { seq: 3, event: { type: 'status', text: '\0' } };
    await user.finish(run, ['1'], { progress: [sent(1), sent(2), nul], lastSeq: 4 });
    assert.deepEqual(await progressOf(store, run, 0), shared ? [sent(1), sent(2)] : []);
  });

  test('the progress of finished runs is purged, that of active runs stays', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const one = await user.accept('one');
    const two = await user.accept('two');
    for (const run of [one, two])
      await store.appendProgress([{ owner: user.owner(run), progress: [sent(1)] }]);
    await user.finish(one);
    await sleep(20);
    const limits = { finishedRunsMs: DAY_MS, batch: 100 };
    await store.purge({ ...limits, progressMs: DAY_MS });
    assert.equal((await progressOf(store, one, 0)).length, shared ? 1 : 0);
    await store.purge({ ...limits, progressMs: 10 });
    assert.deepEqual(await progressOf(store, one, 0), []);
    assert.equal((await progressOf(store, two, 0)).length, shared ? 1 : 0);
  });
});

/** What there is of the run's current attempt after a number. */
async function progressOf(
  store: Store,
  { runId, attempt }: Pick<AcceptedRun, 'runId' | 'attempt'>,
  afterSeq: number,
): Promise<readonly RunProgress[]> {
  const [news] = await store.readProgress([{ runId, attempt, afterSeq }]);
  return news?.progress ?? [];
}

function sent(seq: number): RunProgress {
  return { seq, event: { type: 'delta', text: `ü "${seq}" \\` } };
}
