import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { newId } from '../../src/new-id.ts';
import { conversation, eventsOf, freshStore, latestOf, threadsOf } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const KEEP_ALL = { finishedRunsMs: 3_600_000, progressMs: 3_600_000, batch: 100 };

describeStores((kind) => {
  test('a deleted thread is gone with its events and runs', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    await user.finish(run, ['1']);
    const kept = await user.accept('two', { thread: latestOf('b') });
    assert.deepEqual(await store.deleteThreads({ threadId: run.thread.id }), [run.thread.id]);
    assert.equal(await store.thread(run.thread.id), undefined);
    assert.deepEqual(await eventsOf(store, run.thread.id), []);
    assert.equal(await store.run(run.runId), undefined);
    assert.deepEqual(await store.deleteThreads({ threadId: run.thread.id }), []);
    assert.deepEqual(await store.deleteThreads({ threadId: 'no-uuid' }), []);
    assert.deepEqual(await conversation(store, kept.thread.id), ['two']);
    assert.equal((await user.accept('again')).createdThread, true);
  });

  test('a deleted thread leaves no run behind, also none without a stored question', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const held = await user.accept('held', { holdIncomingOnNewThread: true });
    const waiting = await user.accept('waiting');
    const { thread } = await store.openThread({ contactId: 'customer:2' });
    const unasked = await store.acceptRun({
      runId: newId(),
      instanceId: user.instanceId,
      thread: { kind: 'thread', threadId: thread.id },
      holdIncomingOnNewThread: false,
      onBusy: 'queue',
      queueLimit: 1,
    });
    assert.ok(unasked.kind === 'accepted');
    await user.finish(unasked, ['Hello']);
    const runIds = [held, waiting, unasked].map(({ runId }) => runId);
    assert.equal((await store.pollRuns(user.instanceId, runIds)).length, 3);
    await store.deleteThreads({ contactId: 'customer:1' });
    await store.deleteThreads({ contactId: 'customer:2' });
    assert.deepEqual(await store.pollRuns(user.instanceId, runIds), []);
  });

  test('all threads of a contact are deleted, and nobody else’s', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const own = [];
    for (let n = 0; n < 3; n++) own.push((await store.openThread({ contactId: 'a' })).thread.id);
    const other = await store.openThread({ contactId: 'aa' });
    const deleted = await store.deleteThreads({ contactId: 'a' });
    assert.deepEqual(deleted.toSorted(), own.toSorted());
    assert.deepEqual(await store.deleteThreads({ contactId: 'a' }), []);
    assert.deepEqual(await threadsOf(store, { limit: 10 }), [other.thread]);
  });

  test('a run whose thread is deleted is fenced out, and those in its line', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    await user.store.deleteThreads({ threadId: one.thread.id });
    assert.deepEqual(await user.finish(two), { kind: 'fenced' });
    assert.deepEqual(await user.finish(one, ['too late']), { kind: 'fenced' });
    assert.equal(await user.store.appendInRun(user.owner(one), []), 'fenced');
    assert.deepEqual(await eventsOf(user.store, one.thread.id), []);
    assert.equal(await user.store.requestCancel(one.runId), undefined);
  });

  test('threads that nobody uses any more are purged, used ones stay', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const idle = await user.accept('one', { thread: latestOf('idle') });
    await user.finish(idle, ['1']);
    const busy = await user.accept('one', { thread: latestOf('busy') });
    const waiting = await user.accept('two', { thread: latestOf('busy') });
    const recent = await store.openThread({ contactId: 'recent' });
    await sleep(300);
    await store.appendEvents(recent.thread.id, [{ id: randomUUID(), type: 'rag.x', data: {} }]);
    const purged = await store.purge({ ...KEEP_ALL, idleThreadsMs: 250 });
    assert.deepEqual(purged, { threadIds: [idle.thread.id], runs: 0, more: true });
    assert.equal(await store.thread(idle.thread.id), undefined);
    assert.equal(await store.run(idle.runId), undefined);
    assert.ok(await store.thread(recent.thread.id));
    assert.ok(await store.run(waiting.runId));
    await user.finish(busy, ['1']);
    assert.deepEqual(await conversation(store, busy.thread.id), ['one', '1', 'two']);
  });

  test('old runs are purged, what they said stays', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const over = await user.accept('one');
    await user.finish(over, ['1']);
    const active = await user.accept('two');
    await sleep(20);
    assert.deepEqual(await store.purge(KEEP_ALL), {
      threadIds: [],
      runs: 0,
      more: false,
    });
    assert.deepEqual(await store.purge({ ...KEEP_ALL, finishedRunsMs: 10 }), {
      threadIds: [],
      runs: 1,
      more: true,
    });
    assert.equal(await store.run(over.runId), undefined);
    assert.equal((await store.run(active.runId))?.status, 'running');
    assert.deepEqual(await conversation(store, over.thread.id), ['one', '1', 'two']);
  });

  test('a purge removes no more than it may, also when several purge at once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (let n = 0; n < 7; n++) {
      const run = await user.accept('one', { thread: latestOf(`contact ${n}`) });
      await user.finish(run);
    }
    await sleep(20);
    const limits = { ...KEEP_ALL, idleThreadsMs: 10, batch: 2 };
    const first = await store.purge(limits);
    assert.equal(first.threadIds.length, 2);
    const rest = await Promise.all([1, 2, 3, 4].map(() => store.purge(limits)));
    for (const { threadIds } of rest) assert.ok(threadIds.length <= 2);
    while ((await store.purge(limits)).threadIds.length > 0);
    assert.deepEqual(await threadsOf(store, { limit: 10 }), []);
  });
});
