import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { NOBODY, RECOVERY_PAUSES_MS } from '../../src/store/store.ts';
import type { AcceptedRun, RecoveredRun, RunOwner, Store } from '../../src/store/store.ts';
import {
  DURABLE,
  DURABLE_PROCESS,
  KEPT,
  chainOf,
  endPauses,
  entryOf,
  reap,
  recoverOne,
} from '../support/durable-runs.ts';
import { conversation, freshStore, keyOf, latestOf, storeUser } from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

async function endOf(store: Store, runId: string): Promise<readonly unknown[]> {
  const record = await store.run(runId);
  return [record?.status, record?.error?.code];
}

/** A process that had these durable runs, each in a thread of its own, and is dead. */
async function deadWith(
  user: StoreUser,
  contacts: readonly string[],
): Promise<readonly AcceptedRun[]> {
  const dead = await storeUser(user.store);
  const runs: AcceptedRun[] = [];
  for (const contact of contacts) {
    runs.push(await dead.accept(contact, { ...DURABLE, thread: latestOf(contact) }));
  }
  await user.store.endLease(dead.instanceId);
  return runs;
}

describeStores((kind) => {
  test('a durable run of a dead process goes on in a living one, and those after it wait', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const run = await dead.accept('one', DURABLE);
    const waiting = await user.accept('two');
    await store.storeEntries(dead.owner(run), [entryOf(run, 0)]);
    const begun = (await store.run(run.runId))?.startedAt;
    await store.endLease(dead.instanceId);
    const { lost, started, recovered } = await reap(user);
    assert.deepEqual([lost, started], [0, []]);
    const [again] = recovered;
    assert.ok(again);
    const { fresh: _, ...rest } = again;
    assert.deepEqual(rest, {
      kind: 'accepted',
      runId: run.runId,
      attempt: 2,
      thread: run.thread,
      createdThread: true,
      started: false,
      status: 'running',
      interrupted: [],
      chain: {
        chainId: run.runId,
        continues: undefined,
        kept: KEPT,
        config: { interface: 'test' },
      },
      recoveries: 1,
    });
    const record = await store.run(run.runId);
    assert.deepEqual(
      [record?.instanceId, record?.status, record?.startedAt],
      [user.instanceId, 'running', begun],
    );
    assert.deepEqual((await chainOf(store, run.runId)).entries, [entryOf(run, 0)]);
    assert.deepEqual(await dead.finish(run, ['too late']), { kind: 'fenced' });
    const result = await user.finish(again, ['1']);
    assert.equal(result.kind === 'finished' && result.next?.runId, waiting.runId);
    assert.deepEqual(await conversation(store, run.thread.id), ['one', '1', 'two']);
  });

  test('a process that meets its own run again writes for the new attempt alone', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('one', DURABLE);
    await user.store.endLease(user.instanceId);
    const again = await recoverOne(user);
    await user.store.renewLease(user.instanceId, 60_000);
    assert.equal(await user.store.storeEntries(user.owner(run), [entryOf(run, 0)]), 'fenced');
    assert.deepEqual(await user.finish(run, ['old']), { kind: 'fenced' });
    assert.equal((await user.finish(again, ['new'])).kind, 'finished');
  });

  test('a held question is in the log once its run is recovered', async () => {
    await using user = await freshStore(kind);
    const dead = await storeUser(user.store);
    const run = await dead.accept('Hello', { ...DURABLE, holdIncomingOnNewThread: true });
    await user.store.endLease(dead.instanceId);
    await recoverOne(user);
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Hello']);
  });

  test('each run is taken by one process, however many look', async () => {
    await using user = await freshStore(kind);
    const runs = await deadWith(user, ['a', 'b', 'c', 'd']);
    const others = await Promise.all([1, 2, 3].map(() => storeUser(user.store)));
    const results = await Promise.all([user, ...others].map((each) => reap(each)));
    const taken = results.flatMap(({ recovered }) => recovered.map(({ runId }) => runId));
    assert.deepEqual(taken.toSorted(), runs.map(({ runId }) => runId).toSorted());
  });

  test('a process takes no more than it has room for, and the oldest first', async () => {
    await using user = await freshStore(kind);
    const runs = await deadWith(user, ['a', 'b', 'c']);
    const idsOf = (list: readonly { readonly runId: string }[]): readonly string[] =>
      list.map(({ runId }) => runId);
    assert.deepEqual((await reap(user, { places: 0 })).recovered, []);
    const first = await reap(user, { places: 2 });
    assert.deepEqual(idsOf(first.recovered), idsOf(runs).slice(0, 2));
    const second = await reap(user, { places: 2 });
    assert.deepEqual(idsOf(second.recovered), idsOf(runs).slice(2));
  });

  test('who recovers nothing leaves durable runs alone, and marks the others lost', async () => {
    await using user = await freshStore(kind);
    const [durable] = await deadWith(user, ['a']);
    for (const look of [() => user.store.reapRuns(), () => reap(user, { recovers: 'none' })]) {
      const dead = await storeUser(user.store);
      const other = await dead.accept('one', { thread: latestOf('b') });
      await user.store.endLease(dead.instanceId);
      assert.deepEqual(await look(), { lost: 1, started: [], recovered: [] });
      assert.deepEqual(await endOf(user.store, other.runId), ['failed', 'lost']);
    }
    assert.deepEqual(await endOf(user.store, durable?.runId ?? ''), ['running', undefined]);
    assert.equal((await recoverOne(user)).runId, durable?.runId);
  });

  test('who recovers continued chains alone marks a run lost that has only begun', async () => {
    await using user = await freshStore(kind);
    const [durable] = await deadWith(user, ['a']);
    const result = await reap(user, { recovers: 'continued' });
    assert.deepEqual([result.lost, result.recovered], [1, []]);
    assert.deepEqual(await endOf(user.store, durable?.runId ?? ''), ['failed', 'lost']);
  });

  test('a run that was recovered pauses before the next time, unless it got on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    await deadWith(user, ['a']);
    const dieWithIt = async (): Promise<RecoveredRun> => {
      const dying = await storeUser(store);
      const run = await recoverOne(dying);
      await store.endLease(dying.instanceId);
      return run;
    };
    assert.equal((await dieWithIt()).recoveries, 1);
    assert.deepEqual((await reap(user)).recovered, []);
    await endPauses(kind, user.url);
    assert.equal((await dieWithIt()).recoveries, 2);
    assert.deepEqual((await reap(user)).recovered, []);
    await endPauses(kind, user.url);

    const dying = await storeUser(store);
    const run = await recoverOne(dying);
    assert.equal(run.recoveries, 3);
    await store.storeEntries(dying.owner(run), [entryOf(run, 0)]);
    await store.endLease(dying.instanceId);
    assert.equal((await dieWithIt()).recoveries, 1);
  });

  test('a run that was recovered again and again without getting on is lost, the next one starts', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const [first] = await deadWith(user, ['a']);
    const { runId = '' } = first ?? {};
    const waiting = await user.accept('two', { thread: latestOf('a') });
    for (const [index] of RECOVERY_PAUSES_MS.entries()) {
      const dying = await storeUser(store);
      const run = await recoverOne(dying);
      assert.deepEqual([run.recoveries, run.attempt], [index + 1, index + 2]);
      await store.endLease(dying.instanceId);
      await endPauses(kind, user.url);
    }
    const next = { runId: waiting.runId, instanceId: user.instanceId };
    assert.deepEqual(await reap(user), { lost: 1, started: [next], recovered: [] });
    assert.deepEqual(await endOf(store, runId), ['failed', 'lost']);
    await user.finish(waiting);
    const again = await store.retryRun({ runId, instanceId: user.instanceId });
    assert.equal(again.kind, 'accepted');
    assert.equal('recoveries' in again && again.recoveries, 0);
  });

  test('suspects are taken after all others, and only as many as is allowed', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const suspects = await deadWith(user, ['a', 'b']);
    for (let time = 0; time < 2; time++) {
      const dying = await storeUser(store);
      assert.equal((await reap(dying)).recovered.length, 2);
      await store.endLease(dying.instanceId);
      await endPauses(kind, user.url);
    }
    const [innocent] = await deadWith(user, ['c']);
    const none = await reap(user, { suspects: 0, places: 1 });
    assert.deepEqual(
      none.recovered.map(({ runId }) => runId),
      [innocent?.runId],
    );
    assert.deepEqual((await reap(user, { suspects: 0 })).recovered, []);
    const [second] = await deadWith(user, ['d']);
    const one = await reap(user, { suspects: 1 });
    assert.deepEqual(
      one.recovered.map(({ runId, recoveries }) => [runId, recoveries]),
      [
        [second?.runId, 1],
        [suspects[0]?.runId, 3],
      ],
    );
  });

  test('a run is left to a living process of its version, until that one is about to end', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const [run] = await deadWith(user, ['a']);
    const own = await storeUser(store);
    await store.renewLease(own.instanceId, 60_000, DURABLE_PROCESS);
    assert.deepEqual((await reap(user, { version: 'v2' })).recovered, []);
    await store.renewLease(own.instanceId, 60_000, { ...DURABLE_PROCESS, draining: true });
    const taken = await recoverOne(user, { version: 'v2' });
    assert.equal(taken.runId, run?.runId);

    await store.releaseRun(user.owner(taken));
    await store.renewLease(own.instanceId, 60_000, { ...DURABLE_PROCESS, durable: false });
    await recoverOne(user, { version: 'v2' });
  });

  test('a run has the version of its newest result', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const run = await dead.accept('one', DURABLE);
    const entries = [entryOf(run, 0, { version: 'v1' }), entryOf(run, 1, { version: 'v2' })];
    await store.storeEntries(dead.owner(run), entries);
    await store.endLease(dead.instanceId);
    for (const version of ['v1', 'v2']) {
      const { instanceId } = await storeUser(store);
      await store.renewLease(instanceId, 60_000, { ...DURABLE_PROCESS, version });
    }
    assert.deepEqual((await reap(user, { version: 'v1' })).recovered, []);
    await recoverOne(user, { version: 'v2' });
  });

  test('a run that was asked to stop ends when its process dies, and the next one starts', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const run = await dead.accept('one', DURABLE);
    const waiting = await user.accept('two');
    assert.equal(await store.requestCancel(run.runId), 'running');
    await store.endLease(dead.instanceId);
    const next = { runId: waiting.runId, instanceId: user.instanceId };
    assert.deepEqual(await reap(user), { lost: 0, started: [next], recovered: [] });
    assert.deepEqual(await endOf(store, run.runId), ['cancelled', 'cancelled']);
    assert.deepEqual(await conversation(store, run.thread.id), ['one', 'two']);
  });

  test('a run of nobody, or of a dead process, is cancelled at once', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const [orphan] = await deadWith(user, ['a']);
    const released = await user.accept('one', DURABLE);
    const waiting = await user.accept('two');
    await store.releaseRun(user.owner(released));
    for (const runId of [orphan?.runId ?? '', released.runId]) {
      assert.equal(await store.requestCancel(runId), 'cancelled');
      assert.deepEqual(await endOf(store, runId), ['cancelled', 'cancelled']);
    }
    assert.deepEqual((await reap(user)).recovered, []);
    assert.equal((await store.run(waiting.runId))?.status, 'running');
    assert.deepEqual(await conversation(store, released.thread.id), ['one', 'two']);
  });

  test('a run of nobody that waits and is cancelled does not run, and its message is kept', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const one = await user.accept('one');
    const two = await user.accept('two', DURABLE);
    const three = await user.accept('three');
    await store.releaseRun(user.owner(two));
    assert.equal(await store.requestCancel(two.runId), 'cancelled');
    const result = await user.finish(one);
    assert.equal(result.kind === 'finished' && result.next?.runId, three.runId);
    assert.deepEqual(await endOf(store, two.runId), ['cancelled', 'cancelled']);
    const said = await conversation(store, one.thread.id);
    assert.deepEqual(said.toSorted(), ['one', 'three', 'two']);
    assert.deepEqual((await reap(user)).recovered, []);
  });

  test('a run whose client left with its process ends, unless it had done something', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const durable = { ...KEPT, stopsUnread: true };
    const idle = await dead.accept('one', { durable, thread: latestOf('a') });
    const busy = await dead.accept('one', { durable, thread: latestOf('b') });
    await store.storeEntries(dead.owner(busy), [entryOf(busy, 0)]);
    await store.endLease(dead.instanceId);
    assert.equal((await recoverOne(user)).runId, busy.runId);
    assert.deepEqual(await endOf(store, idle.runId), ['cancelled', 'disconnected']);
  });

  test('a run of a dead process whose turn comes is nobody’s, and is not passed over', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const one = await user.accept('one');
    const two = await dead.accept('two', DURABLE);
    const three = await user.accept('three');
    await store.endLease(dead.instanceId);
    assert.deepEqual((await reap(user)).recovered, [], 'its turn has not come');
    const result = await user.finish(one, ['1']);
    const next = { runId: two.runId, instanceId: NOBODY };
    assert.deepEqual(result.kind === 'finished' && result.next, next);
    assert.deepEqual(await conversation(store, one.thread.id), ['one', '1', 'two']);
    assert.equal((await store.run(three.runId))?.status, 'queued');
    const again = await recoverOne(user);
    assert.deepEqual([again.runId, again.recoveries], [two.runId, 0]);
    assert.deepEqual(await dead.finish(two, ['old']), { kind: 'fenced' });
    await user.finish(again, ['2']);
    assert.deepEqual(await conversation(store, one.thread.id), ['one', '1', 'two', '2', 'three']);
  });

  test('a process that meets its own waiting run again writes for the new attempt alone', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const frozen = await storeUser(store);
    const one = await user.accept('one');
    const two = await frozen.accept('two', DURABLE);
    await store.endLease(frozen.instanceId);
    await user.finish(one);
    await store.renewLease(frozen.instanceId, 60_000);
    const again = await recoverOne(frozen);
    assert.equal(again.runId, two.runId);
    assert.equal(await store.storeEntries(frozen.owner(two), [entryOf(two, 0)]), 'fenced');
    assert.deepEqual(await frozen.finish(two, ['old']), { kind: 'fenced' });
    assert.equal((await frozen.finish(again, ['new'])).kind, 'finished');
  });

  test('the durable runs of a process are those that it has, not those that it had', async () => {
    await using user = await freshStore(kind);
    const { store, instanceId } = user;
    const running = await user.accept('one', DURABLE);
    const queued = await user.accept('two', DURABLE);
    await user.accept('three');
    await user.accept('four', { thread: latestOf('customer:2') });
    const released = await user.accept('five', { thread: latestOf('customer:3'), ...DURABLE });
    await store.releaseRun(user.owner(released));
    const over = await user.accept('six', { thread: latestOf('customer:4'), ...DURABLE });
    await user.finish(over);
    const owners = await store.durableRunsOf(instanceId);
    const expected = [user.owner(running), user.owner(queued)];
    const byId = (one: RunOwner, other: RunOwner): number => one.runId.localeCompare(other.runId);
    assert.deepEqual(owners.toSorted(byId), expected.toSorted(byId));
    assert.deepEqual(await store.durableRunsOf(randomUUID()), []);
  });

  test('a process that is about to end is asked to stop a run that it has', async () => {
    await using user = await freshStore(kind);
    const { store, instanceId } = user;
    const run = await user.accept('one', DURABLE);
    await store.renewLease(instanceId, 60_000, { ...DURABLE_PROCESS, draining: true });
    assert.equal(await store.requestCancel(run.runId), 'running');
    const [polled] = await store.pollRuns(instanceId, []);
    assert.deepEqual([polled?.runId, polled?.cancelRequested], [run.runId, true]);
    assert.equal((await user.finish(run, [], { status: 'cancelled' })).kind, 'finished');
  });

  test('a run whose process is about to end is nobody’s when its turn comes', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const leaving = await storeUser(store);
    const one = await user.accept('one');
    const two = await leaving.accept('two', DURABLE);
    const three = await leaving.accept('three');
    await store.renewLease(leaving.instanceId, 60_000, { ...DURABLE_PROCESS, draining: true });
    const result = await user.finish(one);
    const next = { runId: two.runId, instanceId: NOBODY };
    assert.deepEqual(result.kind === 'finished' && result.next, next);
    const last = await user.finish(await recoverOne(user));
    assert.equal(last.kind === 'finished' && last.next?.runId, three.runId, 'it is not durable');
  });

  test('a run of a dead process that was asked to stop ends when its turn comes', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const dead = await storeUser(store);
    const one = await user.accept('one');
    const two = await dead.accept('two', DURABLE);
    const three = await user.accept('three', { onBusy: 'interrupt' });
    await store.endLease(dead.instanceId);
    const result = await user.finish(one, [], { status: 'cancelled' });
    assert.equal(result.kind === 'finished' && result.next?.runId, three.runId);
    assert.deepEqual(await endOf(store, two.runId), ['cancelled', 'cancelled']);
    assert.deepEqual(await conversation(store, one.thread.id), ['one', 'two', 'three']);
  });

  test('a failed run is executed once more on request, with what it had done', async () => {
    await using user = await freshStore(kind);
    const { store, instanceId } = user;
    const run = await user.accept('one', DURABLE);
    const { runId } = run;
    assert.deepEqual(await store.retryRun({ runId, instanceId }), {
      kind: 'not_retried',
      status: 'running',
    });
    await store.storeEntries(user.owner(run), [entryOf(run, 0)]);
    const error = { code: 'pipeline_changed', message: 'm' };
    await user.finish(run, [], { status: 'failed', error });
    const again = await store.retryRun({ runId, instanceId });
    assert.ok(again.kind === 'accepted');
    assert.deepEqual(
      [again.runId, again.attempt, again.status, again.recoveries],
      [runId, 2, 'running', 0],
    );
    assert.deepEqual(again.chain.kept, KEPT);
    assert.deepEqual((await chainOf(store, runId)).entries, [entryOf(run, 0)]);
    assert.deepEqual(await user.finish(run, ['old']), { kind: 'fenced' });
    await user.finish(again, ['1']);
    assert.deepEqual(await endOf(store, runId), ['completed', undefined]);
    assert.deepEqual(await conversation(store, run.thread.id), ['one', '1']);
  });

  test('a run that others came after is executed once more at the end of the queue', async () => {
    await using user = await freshStore(kind);
    const { store, instanceId } = user;
    const run = await user.accept('one', DURABLE);
    const error = { code: 'shutting_down', message: 'm' };
    await user.finish(run, [], { status: 'failed', error });
    const two = await user.accept('two');
    const three = await user.accept('three');
    const again = await store.retryRun({ runId: run.runId, instanceId });
    assert.ok(again.kind === 'accepted');
    assert.equal(again.status, 'queued');
    const second = await user.finish(two);
    assert.equal(second.kind === 'finished' && second.next?.runId, three.runId);
    const third = await user.finish(three);
    assert.equal(third.kind === 'finished' && third.next?.runId, run.runId);
  });

  test('what is unknown, ended otherwise, or is not durable is not executed once more', async () => {
    await using user = await freshStore(kind);
    const { store, instanceId } = user;
    const retry = (runId: string): Promise<unknown> => store.retryRun({ runId, instanceId });
    for (const runId of [NOBODY, 'no-uuid']) {
      assert.deepEqual(await retry(runId), { kind: 'run_not_found' });
    }
    for (const [code, options] of [
      ['pipeline_failed', DURABLE],
      ['deadline', DURABLE],
      ['lost', {}],
    ] as const) {
      const run = await user.accept('one', options);
      await user.finish(run, [], { status: 'failed', error: { code, message: 'm' } });
      assert.deepEqual(await retry(run.runId), { kind: 'not_retried', status: 'failed' }, code);
    }
    const done = await user.accept('two', DURABLE);
    await user.finish(done);
    assert.deepEqual(await retry(done.runId), { kind: 'not_retried', status: 'completed' });
  });

  test('the same request executes a durable run once more, as a service may', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (const [status, code, kindOfAnswer] of [
      ['failed', 'lost', 'accepted'],
      ['failed', 'pipeline_changed', 'accepted'],
      ['cancelled', 'disconnected', 'accepted'],
      ['failed', 'deadline', 'existing'],
      ['cancelled', 'cancelled', 'existing'],
    ] as const) {
      const options = { ...DURABLE, idempotency: keyOf(code) };
      const run = await user.accept('one', options);
      await store.storeEntries(user.owner(run), [entryOf(run, 0)]);
      await user.finish(run, [], { status, error: { code, message: 'm' } });
      const again = await user.ask('one', options);
      assert.equal(again.kind, kindOfAnswer, code);
      if (again.kind !== 'accepted') continue;
      assert.deepEqual([again.runId, again.attempt], [run.runId, 2]);
      assert.deepEqual(again.chain?.kept, KEPT);
      assert.deepEqual((await chainOf(store, run.runId)).entries, [entryOf(run, 0)]);
      await user.finish(again);
    }
  });

  test('a start may know how much it would recover', async () => {
    await using user = await freshStore(kind);
    assert.deepEqual(await user.store.standing(), { runs: 0, questions: 0 });
    await deadWith(user, ['a', 'b']);
    await user.accept('one');
    await user.accept('two', DURABLE);
    await user.finish(await user.accept('one', { ...DURABLE, thread: latestOf('c') }));
    assert.deepEqual(await user.store.standing(), { runs: 3, questions: 0 });
  });
});
