import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { NOBODY } from '../../src/store/store.ts';
import type { JournalEntry } from '../../src/store/store.ts';
import {
  DURABLE,
  KEPT,
  chainOf,
  endPauses,
  entryOf,
  reap,
  recoverOne,
} from '../support/durable-runs.ts';
import { answer, conversation, freshStore, storeUser, texts } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('all that is kept of a result is read again, in the order of the results', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one', DURABLE);
    const entries: readonly JournalEntry[] = [
      entryOf(run, 0, { part: 'start', input: 'digest', version: 'v1' }),
      entryOf(run, 1, { outcome: { kind: 'value', json: undefined } }),
      entryOf(run, 2, { outcome: { kind: 'value', json: 'null' } }),
      entryOf(run, 3, { outcome: { kind: 'error', error: { name: 'Error', message: 'm' } } }),
      entryOf(run, 4, { kind: 'model', name: 'chat', usage: [{ model: 'small', tokens: 3 }] }),
      entryOf(run, 5, { kind: 'stream', name: '', nth: 2, call: 17 }),
    ];
    assert.equal(await store.storeEntries(user.owner(run), entries.slice(0, 4)), 'stored');
    assert.equal(await store.storeEntries(user.owner(run), entries.slice(4)), 'stored');
    assert.deepEqual((await chainOf(store, run.runId)).entries, entries);
  });

  test('the same results once more change nothing', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('one', DURABLE);
    const entries = [entryOf(run, 0), entryOf(run, 1)];
    for (let time = 0; time < 3; time++) {
      assert.equal(await user.store.storeEntries(user.owner(run), entries), 'stored');
    }
    assert.deepEqual((await chainOf(user.store, run.runId)).entries, entries);
  });

  test('only the process that has this attempt of a running run keeps results', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const other = await storeUser(store);
    const run = await user.accept('one', DURABLE);
    const waiting = await user.accept('two', DURABLE);
    const entry = entryOf(run, 0);
    const mine = user.owner(run);
    for (const owner of [
      other.owner(run),
      { ...mine, attempt: 2 },
      { ...mine, runId: randomUUID() },
    ]) {
      assert.equal(await store.storeEntries(owner, [entry]), 'fenced');
    }
    assert.equal(await store.storeEntries(user.owner(waiting), [entryOf(waiting, 0)]), 'fenced');
    await user.finish(run);
    assert.equal(await store.storeEntries(mine, [entry]), 'fenced');
    assert.deepEqual((await chainOf(store, run.runId)).entries, []);
    assert.deepEqual((await chainOf(store, waiting.runId)).entries, []);
  });

  test('a process that lost its run keeps nothing of it, the next one goes on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const old = await storeUser(store);
    const run = await old.accept('one', DURABLE);
    await store.storeEntries(old.owner(run), [entryOf(run, 0)]);
    await store.endLease(old.instanceId);
    const again = await recoverOne(user);
    assert.equal(await store.storeEntries(old.owner(run), [entryOf(run, 1)]), 'fenced');
    const next = entryOf(again, 1, { name: 'another' });
    assert.equal(await store.storeEntries(user.owner(again), [next]), 'stored');
    assert.deepEqual((await chainOf(store, run.runId)).entries, [entryOf(run, 0), next]);
  });

  test('results are kept with the end of a run, or not at all', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('one', DURABLE);
    const other = await storeUser(user.store);
    const entries = [entryOf(run, 0)];
    assert.deepEqual(await other.finish(run, ['no'], { entries }), { kind: 'fenced' });
    assert.deepEqual((await chainOf(user.store, run.runId)).entries, []);
    await user.finish(run, ['yes'], { entries });
    assert.deepEqual((await chainOf(user.store, run.runId)).entries, entries);
  });

  test('a chain has what it began with, whatever became of its thread since', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const { id: threadId } = run.thread;
    await store.updateThreadConfig(threadId, { interface: 'changed' });
    const early = await chainOf(store, run.runId);
    assert.deepEqual(early.kept, KEPT);
    assert.deepEqual(early.config, { interface: 'test' });
    await user.finish(run, ['one', 'two']);
    const { runs, ...chain } = await chainOf(store, run.runId);
    assert.deepEqual(chain, {
      chainId: run.runId,
      kept: KEPT,
      config: { interface: 'test' },
      entries: [],
    });
    const record = await store.run(run.runId);
    const [only] = runs;
    assert.equal(runs.length, 1);
    assert.deepEqual(
      [only?.runId, only?.continues, only?.status],
      [run.runId, undefined, 'completed'],
    );
    assert.equal(only?.startedAt, record?.startedAt);
    assert.deepEqual(only?.events, record?.events);
    assert.deepEqual(texts(only?.incoming ? [only.incoming] : []), ['Hello']);
    assert.equal(only?.incoming?.threadId, threadId);
    assert.ok((only?.incoming?.createdAt ?? '') < (only?.events[0]?.createdAt ?? ''));
  });

  test('a run that waits is a chain without a beginning', async () => {
    await using user = await freshStore(kind);
    await user.accept('one');
    const waiting = await user.accept('two', DURABLE);
    const [run] = (await chainOf(user.store, waiting.runId)).runs;
    const { status, startedAt, incoming, events } = run ?? {};
    assert.deepEqual(
      { status, startedAt, incoming, events },
      { status: 'queued', startedAt: undefined, incoming: undefined, events: [] },
    );
  });

  test('a record says whether its run is durable; one that is not is a chain of its own, too', async () => {
    await using user = await freshStore(kind);
    for (const durable of [true, false]) {
      const run = await user.accept('one', durable ? DURABLE : {});
      assert.equal(run.chain, undefined);
      const record = await user.store.run(run.runId);
      assert.deepEqual(
        [record?.durable, record?.chainId, record?.continues, record?.question],
        [durable, run.runId, undefined, undefined],
      );
      const chain = await chainOf(user.store, run.runId);
      assert.deepEqual(chain.kept, durable ? KEPT : {});
      assert.deepEqual(chain.config, { interface: 'test' });
      assert.equal(chain.runs.length, 1);
      await user.finish(run);
    }
  });

  test('there is no chain of an unknown id, nor of a thread that is gone', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    assert.equal(await store.loadChain(randomUUID()), undefined);
    assert.equal(await store.loadChain('no-uuid'), undefined);
    const run = await user.accept('one', DURABLE);
    await store.storeEntries(user.owner(run), [entryOf(run, 0)]);
    await store.deleteThreads({ threadId: run.thread.id });
    assert.equal(await store.loadChain(run.runId), undefined);
    assert.equal(await store.storeEntries(user.owner(run), [entryOf(run, 1)]), 'fenced');
  });

  test('a run that was given up is nobody’s, keeps its slot, and goes on at once in another process', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const leaving = await storeUser(store);
    const run = await leaving.accept('one', DURABLE);
    await store.storeEntries(leaving.owner(run), [entryOf(run, 0)]);
    const waiting = await user.accept('two');
    assert.equal(await store.releaseRun(user.owner(run)), 'fenced');
    assert.equal(await store.releaseRun(user.owner(waiting)), 'fenced', 'it is not durable');
    assert.equal(await store.releaseRun(leaving.owner(run)), 'released');
    const record = await store.run(run.runId);
    assert.deepEqual([record?.instanceId, record?.status, record?.attempt], [NOBODY, 'running', 1]);
    assert.equal(await store.storeEntries(leaving.owner(run), [entryOf(run, 1)]), 'fenced');
    assert.equal(await store.appendInRun(leaving.owner(run), [answer('no')]), 'fenced');
    assert.deepEqual(await leaving.finish(run, ['no']), { kind: 'fenced' });
    assert.equal(await store.releaseRun(leaving.owner(run)), 'fenced');

    const again = await recoverOne(user);
    assert.deepEqual([again.runId, again.attempt, again.recoveries], [run.runId, 2, 0]);
    const result = await user.finish(again, ['1']);
    assert.equal(result.kind === 'finished' && result.next?.runId, waiting.runId);
    assert.deepEqual(await conversation(store, run.thread.id), ['one', '1', 'two']);
  });

  test('however often a run is given up, it is not counted as recovered', async () => {
    await using user = await freshStore(kind);
    let run = await user.accept('one', DURABLE);
    for (let time = 1; time < 8; time++) {
      assert.equal(await user.store.releaseRun(user.owner(run)), 'released');
      const again = await recoverOne(user);
      assert.deepEqual([again.attempt, again.recoveries], [time + 1, 0]);
      run = again;
    }
    await endPauses(kind, user.url);
    assert.deepEqual((await reap(user)).recovered, [], 'its process lives');
  });

  test('a run that waits keeps its slot in the queue when it is given up', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const leaving = await storeUser(store);
    const one = await user.accept('one');
    const two = await leaving.accept('two', DURABLE);
    const three = await user.accept('three');
    assert.equal(await store.releaseRun(leaving.owner(two)), 'released');
    assert.deepEqual((await reap(user)).recovered, [], 'its turn has not come');
    const result = await user.finish(one, ['1']);
    const next = { runId: two.runId, instanceId: NOBODY };
    assert.deepEqual(result.kind === 'finished' && result.next, next);
    const again = await recoverOne(user);
    assert.deepEqual([again.runId, again.recoveries], [two.runId, 0]);
    const last = await user.finish(again, ['2']);
    assert.equal(last.kind === 'finished' && last.next?.runId, three.runId);
    assert.deepEqual(await conversation(store, one.thread.id), ['one', '1', 'two', '2', 'three']);
  });
});
