import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { RunOutcomeRecord } from '../../src/store/store.ts';
import {
  answer,
  conversation,
  freshStore,
  keyOf,
  latestOf,
  storeUser,
  threadsOf,
} from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const SHUT_DOWN: Partial<RunOutcomeRecord> = {
  status: 'failed',
  error: { code: 'shutting_down', message: 'The service was shut down' },
};

describeStores((kind) => {
  test('a request that is repeated with its key is the same run, over or not', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k');
    const run = await user.accept('Hello', { idempotency });
    const existing = { kind: 'existing', runId: run.runId };
    assert.deepEqual(await user.ask('Hello', { idempotency }), existing);
    await user.finish(run, ['1']);
    assert.deepEqual(await user.ask('Hello', { idempotency }), existing);
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Hello', '1']);
  });

  test('a key finds its run, and the same key of another caller does not', async () => {
    await using user = await freshStore(kind);
    const key = { scope: 'me', key: 'k' };
    assert.equal(await user.store.runIdByKey(key), undefined);
    const run = await user.accept('Hello', { idempotency: keyOf('k', { scope: 'me' }) });
    assert.equal(await user.store.runIdByKey(key), run.runId);
    assert.equal(await user.store.runIdByKey({ ...key, scope: 'another caller' }), undefined);
    assert.equal(await user.store.runIdByKey({ ...key, key: 'another key' }), undefined);
  });

  test('a key belongs to one request, and to one caller', async () => {
    await using user = await freshStore(kind);
    await user.accept('Hello', { idempotency: keyOf('k') });
    const other = keyOf('k', { fingerprint: 'another request' });
    assert.deepEqual(await user.ask('Bye', { idempotency: other }), { kind: 'key_reused' });
    await user.accept('Hello', { idempotency: keyOf('k', { scope: 'another caller' }) });
    await user.accept('Hello', { idempotency: keyOf('another key') });
  });

  test('a repeated request finds its run even when the thread would refuse it', async () => {
    await using user = await freshStore(kind);
    const options = { idempotency: keyOf('k'), onBusy: 'reject', queueLimit: 0 } as const;
    const run = await user.accept('Hello', options);
    assert.deepEqual(await user.ask('Hello', options), { kind: 'existing', runId: run.runId });
    await user.store.openThread({ contactId: 'customer:1' });
    assert.deepEqual(await user.ask('Hello', options), { kind: 'existing', runId: run.runId });
  });

  test('equal requests at the same time are one run', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k');
    const results = await Promise.all(
      Array.from({ length: 20 }, () => user.ask('Hello', { idempotency })),
    );
    const accepted = results.filter((result) => result.kind === 'accepted');
    assert.equal(accepted.length, 1);
    const runId = accepted[0]?.runId;
    for (const result of results) {
      if (result.kind !== 'accepted') assert.deepEqual(result, { kind: 'existing', runId });
    }
    const threads = await threadsOf(user.store, { contactId: 'customer:1', limit: 10 });
    assert.equal(threads.length, 1);
    assert.deepEqual(await conversation(user.store, threads[0]?.id ?? ''), ['Hello']);
  });

  test('equal requests at the same time in different threads are one run', async () => {
    await using user = await freshStore(kind);
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        user.ask('Hello', { idempotency: keyOf('k'), thread: latestOf(`customer:${index}`) }),
      ),
    );
    const accepted = results.filter((result) => result.kind === 'accepted');
    assert.equal(accepted.length, 1);
    assert.equal(results.filter((result) => result.kind === 'existing').length, 9);
    assert.equal((await threadsOf(user.store, { limit: 100 })).length, 1);
  });

  test('a lost run is run again, without storing its question again', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    const idempotency = keyOf('k');
    const first = await dead.accept('Hello', { idempotency });
    await user.store.endLease(dead.instanceId);
    await user.store.reapRuns();
    assert.equal((await user.store.run(first.runId))?.error?.code, 'lost');

    const second = await user.accept('Hello', { idempotency });
    assert.equal(second.runId, first.runId);
    assert.equal(second.attempt, 2);
    assert.equal(second.status, 'running');
    assert.equal(second.createdThread, true);
    assert.equal(second.started, false);
    assert.deepEqual(await dead.finish(first, ['too late']), { kind: 'fenced' });
    await user.finish(second, ['1']);
    assert.deepEqual(await conversation(user.store, first.thread.id), ['Hello', '1']);
    const record = await user.store.run(first.runId);
    assert.equal(record?.status, 'completed');
    assert.equal(record?.attempt, 2);
    assert.equal(record?.instanceId, user.instanceId);
    assert.equal(record?.error, undefined);
    assert.equal(record?.incoming?.data['content'], 'Hello');
    const existing = { kind: 'existing', runId: first.runId };
    assert.deepEqual(await user.ask('Hello', { idempotency }), existing);
  });

  test('a run that a shutdown ended is run again, at the end of the queue', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k');
    const first = await user.accept('one', { idempotency });
    await user.store.requestCancel(first.runId);
    await user.finish(first, [], SHUT_DOWN);
    const other = await user.accept('two');
    const again = await user.accept('one', { idempotency });
    assert.equal(again.status, 'queued');
    assert.equal(again.runId, first.runId);
    assert.deepEqual(await user.store.pollRuns(user.instanceId, []), []);
    const third = await user.accept('three');
    const next = await user.finish(other, ['2']);
    assert.equal(next.kind === 'finished' && next.next?.runId, first.runId);
    const last = await user.finish(again, ['1']);
    assert.equal(last.kind === 'finished' && last.next?.runId, third.runId);
    assert.deepEqual(await conversation(user.store, first.thread.id), [
      'one',
      'two',
      '2',
      '1',
      'three',
    ]);
  });

  test('a run whose answer could not be stored is run again; one that failed by itself is not', async () => {
    await using user = await freshStore(kind);
    for (const [code, kindOfAnswer] of [
      ['store_unavailable', 'accepted'],
      ['pipeline_failed', 'existing'],
      ['deadline', 'existing'],
    ] as const) {
      const idempotency = keyOf(code);
      const first = await user.accept('one', { idempotency });
      await user.finish(first, [], { status: 'failed', error: { code, message: 'no' } });
      const second = await user.ask('one', { idempotency });
      assert.equal(second.kind, kindOfAnswer, code);
      if (second.kind === 'accepted') await user.finish(second);
    }
  });

  test('a run whose conversation start is in the log does not start again', async () => {
    await using user = await freshStore(kind);
    const options = { idempotency: keyOf('k'), holdIncomingOnNewThread: true };
    const first = await user.accept('Hello', options);
    await user.store.appendInRun(user.owner(first), [answer('Welcome!')]);
    await user.finish(first, [], SHUT_DOWN);
    const again = await user.accept('Hello', options);
    assert.equal(again.started, true);
    await user.finish(again, ['1']);
    assert.deepEqual(await conversation(user.store, first.thread.id), ['Welcome!', 'Hello', '1']);
    const record = await user.store.run(first.runId);
    assert.equal(record?.startEvents.length, 1);
  });

  test('a run that is to be run again may find its thread busy', async () => {
    await using user = await freshStore(kind);
    const options = { idempotency: keyOf('k'), onBusy: 'reject' } as const;
    const first = await user.accept('one', options);
    await user.finish(first, [], SHUT_DOWN);
    await user.accept('two');
    assert.deepEqual(await user.ask('one', options), { kind: 'thread_busy' });
    assert.equal((await user.store.run(first.runId))?.error?.code, 'shutting_down');
  });

  test('a run that failed by itself is not run again', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k');
    const run = await user.accept('Hello', { idempotency });
    const error = { code: 'pipeline_failed', message: 'Pipeline error' };
    await user.finish(run, [], { status: 'failed', error });
    const existing = { kind: 'existing', runId: run.runId };
    assert.deepEqual(await user.ask('Hello', { idempotency }), existing);
  });

  test('a key is forgotten when its time and its run are over', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k', { ttlMs: 1 });
    const first = await user.accept('one', { idempotency });
    await sleep(10);
    const other = keyOf('k', { ttlMs: 1, fingerprint: 'another request' });
    assert.deepEqual(await user.ask('two', { idempotency: other }), { kind: 'key_reused' });
    await user.finish(first);
    const second = await user.accept('two', { idempotency: other });
    assert.notEqual(second.runId, first.runId);
    assert.equal(second.attempt, 1);
    assert.deepEqual(await conversation(user.store, first.thread.id), ['one', 'two']);
    assert.equal((await user.store.run(first.runId))?.status, 'completed');
  });

  test('the keys of a deleted thread are forgotten', async () => {
    await using user = await freshStore(kind);
    const idempotency = keyOf('k');
    const first = await user.accept('one', { idempotency });
    await user.store.deleteThreads({ threadId: first.thread.id });
    const second = await user.accept('one', { idempotency, runId: randomUUID() });
    assert.notEqual(second.thread.id, first.thread.id);
    assert.equal(second.createdThread, true);
  });
});
