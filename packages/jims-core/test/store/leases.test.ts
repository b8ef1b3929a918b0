import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { conversation, freshStore, keyOf, latestOf, storeUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('the run of a dead process is lost, its question kept, its thread free', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    const run = await dead.accept('one');
    await user.store.endLease(dead.instanceId);
    assert.deepEqual(await user.store.reapRuns(), { lost: 1, started: [], recovered: [] });
    const record = await user.store.run(run.runId);
    assert.equal(record?.status, 'failed');
    assert.equal(record?.error?.code, 'lost');
    assert.equal(record?.lastSeq, undefined);
    assert.ok(record?.finishedAt);
    assert.deepEqual(await user.store.reapRuns(), { lost: 0, started: [], recovered: [] });
    assert.equal((await user.accept('two')).status, 'running');
    assert.deepEqual(await dead.finish(run, ['too late']), { kind: 'fenced' });
    assert.equal(await dead.store.appendInRun(dead.owner(run), []), 'fenced');
    assert.deepEqual(await conversation(user.store, run.thread.id), ['one', 'two']);
  });

  test('a process is dead when its lease has run out, not before', async () => {
    await using user = await freshStore(kind);
    const other = await storeUser(user.store);
    await other.accept('one');
    assert.deepEqual(await user.store.reapRuns(), { lost: 0, started: [], recovered: [] });
    await user.store.renewLease(other.instanceId, 1);
    await sleep(10);
    await user.store.renewLease(other.instanceId, 60_000);
    assert.deepEqual(await user.store.reapRuns(), { lost: 0, started: [], recovered: [] });
    await user.store.renewLease(other.instanceId, 1);
    await sleep(10);
    assert.deepEqual(await user.store.reapRuns(), { lost: 1, started: [], recovered: [] });
  });

  test('a process that meets its own lost run again writes for the new attempt alone', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k');
    const first = await user.accept('one', { idempotency });
    await user.store.endLease(user.instanceId);
    await user.store.reapRuns();
    await user.store.renewLease(user.instanceId, 60_000);
    const again = await user.accept('one', { idempotency });
    assert.equal(again.runId, first.runId);
    assert.equal(again.attempt, 2);
    assert.deepEqual(await user.finish(first, ['old']), { kind: 'fenced' });
    assert.equal(await user.store.appendInRun(user.owner(first), []), 'fenced');
    assert.equal((await user.finish(again, ['new'])).kind, 'finished');
    assert.deepEqual(await conversation(user.store, first.thread.id), ['one', 'new']);
  });

  test('the next living run after a lost one is started', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    const one = await dead.accept('one');
    const two = await dead.accept('two');
    const three = await user.accept('three');
    const four = await user.accept('four');
    await user.store.endLease(dead.instanceId);
    const { lost, started } = await user.store.reapRuns();
    assert.equal(lost, 2);
    assert.deepEqual(started, [{ runId: three.runId, instanceId: user.instanceId }]);
    assert.equal((await user.store.run(two.runId))?.error?.code, 'lost');
    assert.equal((await user.store.run(four.runId))?.status, 'queued');
    await user.finish(three, ['3']);
    assert.deepEqual(await conversation(user.store, one.thread.id), [
      'one',
      'two',
      'three',
      '3',
      'four',
    ]);
  });

  test('a run of a dead process is passed over when its turn comes', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    const one = await user.accept('one');
    const two = await dead.accept('two');
    const three = await user.accept('three');
    await user.store.endLease(dead.instanceId);
    const result = await user.finish(one, ['1']);
    assert.equal(result.kind === 'finished' && result.next?.runId, three.runId);
    const record = await user.store.run(two.runId);
    assert.equal(record?.error?.code, 'lost');
    assert.equal(record?.incoming?.data['content'], 'two');
    assert.deepEqual(await conversation(user.store, one.thread.id), ['one', '1', 'two', 'three']);
  });

  test('the runs of many threads are reaped, those of living processes are left alone', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    for (const contact of ['a', 'b', 'c']) await dead.accept('one', { thread: latestOf(contact) });
    const mine = await user.accept('two', { thread: latestOf('d') });
    await user.store.endLease(dead.instanceId);
    assert.deepEqual(await user.store.reapRuns(), { lost: 3, started: [], recovered: [] });
    assert.equal((await user.store.run(mine.runId))?.status, 'running');
  });

  test('a held question is kept when its process dies', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    const run = await dead.accept('Hello', { holdIncomingOnNewThread: true });
    await user.store.endLease(dead.instanceId);
    await user.store.reapRuns();
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Hello']);
  });
});
