import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { AcceptRequest } from '../../src/store/store.ts';
import {
  DURABLE,
  KEPT,
  OPEN,
  TO_SERVICE,
  ask,
  byService,
  chainOf,
  entryOf,
  reap,
  recoverOne,
  stateOf,
} from '../support/durable-runs.ts';
import { conversation, freshStore, latestOf } from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const IS_OPEN = { state: 'open', reason: undefined };

function strictly(questionId: string): Partial<AcceptRequest> {
  return { answer: { kind: 'question', questionId, audience: 'contact' } };
}

/** The event that the newest run of a chain was started by. */
async function newestIn(user: StoreUser, chainId: string): Promise<readonly unknown[]> {
  const incoming = (await chainOf(user.store, chainId)).runs.at(-1)?.incoming;
  return [incoming?.type, incoming?.data];
}

const SOON = { expiresInMs: 1 };
const someTime = (): Promise<void> => sleep(10);

describeStores((kind) => {
  test('a question whose time is over expires, and its chain goes on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const { questionId } = await ask(user, run, { ...SOON, name: 'sure' });
    await someTime();
    const before = await user.store.standing();
    assert.deepEqual(before, { runs: 0, questions: 1 });
    for (const options of [{ recovers: 'none' }, { places: 0 }] as const) {
      assert.deepEqual((await reap(user, options)).recovered, []);
      assert.equal((await store.question(questionId))?.state, 'open');
    }
    const expired = await recoverOne(user, { recovers: 'continued' });
    assert.deepEqual([expired.attempt, expired.recoveries, expired.createdThread], [1, 0, false]);
    assert.deepEqual(expired.chain, {
      chainId: run.runId,
      continues: questionId,
      kept: KEPT,
      config: { interface: 'test' },
    });
    const { state, answeredBy, closedAt } = (await store.question(questionId)) ?? {};
    assert.deepEqual([state, answeredBy], ['expired', expired.runId]);
    assert.ok(closedAt);
    assert.deepEqual(await newestIn(user, run.runId), [
      'jims.question_expired',
      { question_id: questionId, name: 'sure' },
    ]);
    await user.finish(expired, ['Too late']);
    assert.deepEqual(await conversation(store, run.thread.id), ['Hello', 'Sure?', 'Too late']);
    assert.deepEqual((await reap(user)).recovered, []);
    const late = await user.ask('Yes', strictly(questionId));
    assert.deepEqual(late, { kind: 'question_expired' });
  });

  test('a question that is not yet due stays open', async () => {
    await using user = await freshStore(kind);
    const posed = await ask(user, await user.accept('Hello'));
    assert.deepEqual((await reap(user)).recovered, []);
    assert.deepEqual(await stateOf(user.store, posed), IS_OPEN);
  });

  test('no more questions expire at once than a process has room for', async () => {
    await using user = await freshStore(kind);
    for (const contact of ['a', 'b', 'c']) {
      await ask(user, await user.accept('Hello', { thread: latestOf(contact) }), SOON);
    }
    await someTime();
    assert.equal((await reap(user, { places: 2 })).recovered.length, 2);
    assert.deepEqual((await user.store.standing()).questions, 1);
    assert.equal((await reap(user, { places: 2 })).recovered.length, 1);
  });

  test('an expiry waits for its turn, is not counted in the queue, and is not interrupted', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const { questionId } = await ask(user, run, SOON);
    const busy = await user.accept('meanwhile', { answer: { kind: 'none' } });
    await someTime();
    assert.deepEqual((await reap(user)).recovered, [], 'its turn has not come');
    assert.equal((await user.store.question(questionId))?.state, 'expired');
    const next = await user.accept('more', { queueLimit: 1, onBusy: 'interrupt' });
    assert.deepEqual(
      next.interrupted.map(({ runId }) => runId),
      [busy.runId],
    );
    await user.finish(busy);
    const expired = await recoverOne(user);
    assert.equal(expired.chain.continues, questionId);
    const result = await user.finish(expired);
    assert.equal(result.kind === 'finished' && result.next?.runId, next.runId);
  });

  test('a message that comes too late is not the answer: the question expires before it', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const { questionId } = await ask(user, run, SOON);
    await someTime();
    const late = await user.accept('Yes', OPEN);
    assert.deepEqual([late.status, late.chain], ['queued', undefined]);
    assert.equal((await user.store.question(questionId))?.state, 'expired');
    const expired = await recoverOne(user);
    assert.equal(expired.chain.continues, questionId);
    const result = await user.finish(expired, ['Too late']);
    assert.equal(result.kind === 'finished' && result.next?.runId, late.runId);
    const said = await conversation(user.store, run.thread.id);
    assert.deepEqual(said.at(-1), 'Yes');
  });

  test('a strict answer that comes too late is refused, and lets the question expire', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const posed = await ask(user, run, { ...TO_SERVICE, ...SOON });
    await someTime();
    const expired = { kind: 'question_expired' };
    assert.deepEqual(await user.ask('', byService(run, posed)), expired);
    assert.equal((await user.store.question(posed.questionId))?.state, 'expired');
    assert.deepEqual(await user.ask('', byService(run, posed)), expired);
    const goesOn = await recoverOne(user);
    assert.equal(goesOn.chain.continues, posed.questionId);
  });

  test('cancelling a run that waits for its answer withdraws the question', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello');
    const posed = await ask(user, run, { tell: true });
    assert.equal(await store.requestCancel(run.runId), 'completed');
    assert.deepEqual(await stateOf(store, posed), { state: 'withdrawn', reason: 'cancelled' });
    assert.equal((await store.run(run.runId))?.question?.state, 'withdrawn');
    assert.equal(await store.requestCancel(run.runId), 'completed');
    assert.equal((await user.accept('Yes', OPEN)).chain, undefined);
    assert.deepEqual((await chainOf(store, run.runId)).runs.length, 1, 'a cancel executes nothing');
  });

  for (const named of [{ externalId: 'chat' }, {}]) {
    const title = 'externalId' in named ? 'and takes its external id' : 'that has no external id';
    test(`the questions of a thread are withdrawn when another one replaces it ${title}`, async () => {
      await using user = await freshStore(kind);
      const { store } = user;
      const contact = { contactId: 'customer:1', ...named, threadConfig: {}, events: [] };
      const old = await user.accept('Hello', { thread: { kind: 'new', ...contact } });
      const posed = await ask(user, old, { tell: true });
      const service = await ask(user, await user.accept('order'), TO_SERVICE);
      const other = await ask(user, await user.accept('x', { thread: latestOf('b') }));
      const replaced = { kind: 'new', ...contact, replaces: old.thread.id } as const;
      const next = await user.accept('Hello again', { ...OPEN, thread: replaced });
      assert.deepEqual([next.status, next.chain], ['running', undefined]);
      const withdrawn = { state: 'withdrawn', reason: 'replaced' };
      assert.deepEqual(await stateOf(store, posed), withdrawn);
      assert.deepEqual(await stateOf(store, service), withdrawn);
      assert.deepEqual(await stateOf(store, other), IS_OPEN);
      assert.equal(await store.activeRun(old.thread.id), undefined);
    });
  }

  test('questions are listed from the oldest on, by what is sought', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const ids: string[] = [];
    for (const contact of ['a', 'b', 'a']) {
      const run = await user.accept('Hello', { thread: latestOf(contact) });
      ids.push((await ask(user, run, TO_SERVICE)).questionId);
    }
    const last = await user.accept('Hello', { thread: latestOf('a') });
    ids.push((await ask(user, last)).questionId);
    const list = async (query: object): Promise<readonly (number | boolean)[]> => {
      const { questions, more } = await store.listQuestions({ limit: 10, ...query });
      return [...questions.map(({ questionId }) => ids.indexOf(questionId)), more];
    };
    assert.deepEqual(await list({}), [0, 1, 2, 3, false]);
    assert.deepEqual(await list({ limit: 2 }), [0, 1, true]);
    assert.deepEqual(await list({ limit: 2, after: ids[1] }), [2, 3, false]);
    assert.deepEqual(await list({ audience: 'contact' }), [3, false]);
    assert.deepEqual(await list({ contactId: 'a' }), [0, 2, 3, false]);
    assert.deepEqual(await list({ contactId: 'a', audience: 'service', limit: 1 }), [0, true]);
    assert.deepEqual(await list({ threadId: last.thread.id }), [0, 2, 3, false]);
    assert.deepEqual(await list({ threadId: 'no-uuid' }), [false]);
    await store.requestCancel(last.runId);
    assert.deepEqual(await list({ state: 'open' }), [0, 1, 2, false]);
    assert.deepEqual(await list({ state: 'withdrawn' }), [3, false]);
    await store.deleteThreads({ contactId: 'b' });
    assert.deepEqual(await list({}), [0, 2, 3, false]);
  });

  test('what a chain needs is not purged while its question is open', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    await store.storeEntries(user.owner(run), [entryOf(run, 0)]);
    const posed = await ask(user, run, {}, 1);
    await someTime();
    await purgeAll(user, { idleThreadsMs: 1 });
    assert.deepEqual(await stateOf(store, posed), IS_OPEN);
    assert.equal((await chainOf(store, run.runId)).entries.length, 2);
    const next = await user.accept('Yes', OPEN);
    assert.equal(next.chain?.chainId, run.runId);
    await someTime();
    await purgeAll(user);
    assert.equal((await chainOf(store, run.runId)).runs.length, 2, 'its chain goes on');

    await user.finish(next, ['Done']);
    await someTime();
    await purgeAll(user);
    assert.equal(await store.loadChain(run.runId), undefined);
    for (const { runId } of [run, next]) assert.equal(await store.run(runId), undefined);
    assert.equal(await store.question(posed.questionId), undefined);
    assert.deepEqual(await conversation(store, run.thread.id), ['Hello', 'Sure?', 'Yes', 'Done']);
  });

  test('the journal of a run that is over is purged, unless it may be executed once more', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const done = await user.accept('Hello', DURABLE);
    await user.finish(done, [], { entries: [entryOf(done, 0)] });
    const failed = await user.accept('Hello', DURABLE);
    const error = { code: 'pipeline_changed', message: 'm' };
    const outcome = { status: 'failed', error } as const;
    await user.finish(failed, [], { ...outcome, entries: [entryOf(failed, 0)] });
    const running = await user.accept('Hello', DURABLE);
    await store.storeEntries(user.owner(running), [entryOf(running, 0)]);
    await purgeAll(user, { finishedRunsMs: 3_600_000 });
    const kept = [done, failed, running].map(({ runId }) => chainOf(store, runId));
    assert.deepEqual(
      (await Promise.all(kept)).map(({ entries }) => entries.length),
      [0, 1, 1],
    );
    assert.equal((await store.run(done.runId))?.status, 'completed');
  });

  test('the question that a run asked is kept as long as the run', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello', DURABLE);
    const posed = await ask(user, run);
    await user.store.requestCancel(run.runId);
    await purgeAll(user, { finishedRunsMs: 3_600_000 });
    assert.equal((await user.store.run(run.runId))?.question?.state, 'withdrawn');
    assert.equal((await stateOf(user.store, posed)).reason, 'cancelled');
  });

  test('journals and questions are erased with their thread', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    await store.storeEntries(user.owner(run), [entryOf(run, 0)]);
    const open = await ask(user, run, {}, 1);
    const service = await ask(user, await user.accept('Refund!', DURABLE), TO_SERVICE);
    const running = await user.accept('more', DURABLE);
    await store.storeEntries(user.owner(running), [entryOf(running, 0)]);
    const kept = await ask(user, await user.accept('x', { thread: latestOf('b') }));
    await store.deleteThreads({ threadId: run.thread.id });
    for (const { questionId } of [open, service]) {
      assert.equal(await store.question(questionId), undefined);
    }
    assert.deepEqual(await store.standing(), { runs: 0, questions: 1 });
    assert.deepEqual(await stateOf(store, kept), IS_OPEN);
    assert.deepEqual(await user.ask('Yes', strictly(open.questionId)), {
      kind: 'question_not_found',
    });
  });
});

/** Removes all that may be removed; finished runs at once by default. */
async function purgeAll({ store }: StoreUser, limits: object = {}): Promise<void> {
  for (;;) {
    const all = { finishedRunsMs: 1, progressMs: 1, batch: 100, ...limits };
    if (!(await store.purge(all)).more) return;
  }
}
