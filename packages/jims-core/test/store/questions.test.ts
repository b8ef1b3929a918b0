import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { MAX_SERVICE_QUESTIONS, NOBODY } from '../../src/store/store.ts';
import type { AcceptRequest, AcceptedRun } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import {
  DURABLE,
  KEPT,
  OPEN,
  TO_SERVICE,
  ask,
  askingEnd,
  byService,
  chainOf,
  entryOf,
  questionOf,
  reap,
  recoverOne,
  stateOf,
} from '../support/durable-runs.ts';
import {
  conversation,
  eventsOf,
  freshStore,
  keyOf,
  latestOf,
  question as message,
  storeUser,
  texts,
} from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const DECLINE: Partial<AcceptRequest> = { answer: { kind: 'decline' } };
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
  test('a run that asks is completed, its question is open and its thread free', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const parts = {
      name: 'sure',
      data: { order: 1 },
      schema: { type: 'object' },
      buttons: [{ id: 'yes', text: 'Yes' }],
      contents: ['yes', 'Yes'],
      early: true,
      tell: true,
    };
    const asked = await ask(user, run, parts);
    assert.equal(asked.result.kind, 'finished');
    const record = await store.run(run.runId);
    assert.deepEqual(
      [record?.status, record?.question?.questionId, record?.question?.state],
      ['completed', asked.questionId, 'open'],
    );
    const found = await store.question(asked.questionId);
    assert.ok(found);
    const { askedAt, expiresAt, ...rest } = found;
    assert.deepEqual(rest, {
      ...parts,
      questionId: asked.questionId,
      chainId: run.runId,
      audience: 'contact',
      text: 'Sure?',
      accepts: asked.accepts,
      threadId: run.thread.id,
      contactId: 'customer:1',
      runId: run.runId,
      state: 'open',
      reason: undefined,
      answeredBy: undefined,
      closedAt: undefined,
    });
    for (const time of [askedAt, expiresAt]) {
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
    assert.equal(Date.parse(expiresAt) - Date.parse(askedAt), asked.expiresInMs);
    const { entries } = await chainOf(store, run.runId);
    const { questionId } = asked;
    assert.deepEqual(
      entries.map(({ outcome }) => outcome),
      [{ kind: 'asked', questionId }],
    );
    assert.deepEqual(await conversation(store, run.thread.id), ['Hello', 'Sure?']);
    assert.equal(await store.activeRun(run.thread.id), undefined);
    assert.deepEqual(await store.standing(), { runs: 0, questions: 1 });
    assert.equal(await store.question(randomUUID()), undefined);
    assert.equal(await store.question('no-uuid'), undefined);
  });

  test('asking once more, after an answer that was lost, is the same question', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const end = askingEnd(run, questionOf(run));
    const first = await store.finishRun(user.owner(run), end);
    assert.deepEqual(await store.finishRun(user.owner(run), end), first);
    const other = { ...end, question: questionOf(run) };
    assert.deepEqual(await store.finishRun(user.owner(run), other), { kind: 'fenced' });
    assert.equal((await store.listQuestions({ limit: 10 })).questions.length, 1);
    assert.deepEqual(await conversation(store, run.thread.id), ['Hello', 'Sure?']);
  });

  test('a process that lost its run asks nothing', async () => {
    await using user = await freshStore(kind);
    const old = await storeUser(user.store);
    const run = await old.accept('Hello', DURABLE);
    await user.store.endLease(old.instanceId);
    await recoverOne(user);
    const { result, questionId } = await ask(old, run);
    assert.deepEqual(result, { kind: 'fenced' });
    assert.equal(await user.store.question(questionId), undefined);
    assert.deepEqual((await chainOf(user.store, run.runId)).entries, []);
  });

  test('the next message is the answer, and its run continues the chain', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const { questionId } = await ask(user, run);
    await store.updateThreadConfig(run.thread.id, { interface: 'changed' });
    const next = await user.accept('Yes', OPEN);
    assert.deepEqual(next.chain, {
      chainId: run.runId,
      continues: questionId,
      kept: KEPT,
      config: { interface: 'test' },
    });
    const { state, reason, answeredBy, closedAt } = (await store.question(questionId)) ?? {};
    assert.deepEqual([state, reason, answeredBy], ['answered', undefined, next.runId]);
    assert.ok(closedAt);
    const record = await store.run(next.runId);
    assert.deepEqual(
      [record?.chainId, record?.continues, record?.durable, record?.question],
      [run.runId, questionId, true, undefined],
    );
    assert.equal((await store.run(run.runId))?.question?.state, 'answered');
    assert.deepEqual(await store.standing(), { runs: 1, questions: 0 });

    await ask(user, next, { text: 'Really?' }, 1);
    const last = await user.accept('Yes!', OPEN);
    assert.equal(last.chain?.chainId, run.runId);
    await user.finish(last, ['Done']);
    const chain = await chainOf(store, run.runId);
    assert.deepEqual(
      chain.runs.map(({ runId, status }) => [runId, status]),
      [run, next, last].map(({ runId }) => [runId, 'completed']),
    );
    assert.deepEqual(
      chain.runs.map(({ incoming, events }) => texts([...(incoming ? [incoming] : []), ...events])),
      [
        ['Hello', 'Sure?'],
        ['Yes', 'Really?'],
        ['Yes!', 'Done'],
      ],
    );
    assert.equal(await store.loadChain(next.runId), undefined);
    assert.equal((await user.accept('and?', OPEN)).chain, undefined);
  });

  test('a chain that was not durable keeps what it needs when it asks', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    await ask(user, run);
    const next = await user.accept('Yes', OPEN);
    assert.deepEqual(next.chain?.kept, KEPT);
    assert.deepEqual(next.chain?.config, { interface: 'test' });
    await user.store.endLease(user.instanceId);
    const other = await storeUser(user.store);
    const recovered = await recoverOne(other, { recovers: 'continued' });
    assert.equal(recovered.runId, next.runId);
    assert.deepEqual(recovered.chain, next.chain);
  });

  test('what a chain began with is not replaced by what its question brings', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello', DURABLE);
    await ask(user, run, { kept: { version: 'other' }, config: { interface: 'other' } });
    const next = await user.accept('Yes', OPEN);
    assert.deepEqual(next.chain?.kept, KEPT);
    assert.deepEqual(next.chain?.config, { interface: 'test' });
  });

  test('a message answers only when it is meant to, and when the question takes it', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const asked = await ask(user, run, { contents: ['Yes', 'No'] });
    const { questionId } = asked;
    const click = (content: string, id?: string): Partial<AcceptRequest> => ({
      ...OPEN,
      incoming: newEvent('comm.user_button_click', { content, ...(id && { question_id: id }) }),
    });
    for (const terms of [
      {},
      { answer: { kind: 'none' } } as const,
      { ...OPEN, incoming: message('Perhaps') },
      { ...OPEN, incoming: newEvent('comm.user_rating', { content: 'Yes' }) },
      { ...OPEN, incoming: newEvent('comm.user_message', { text: 'Yes' }) },
      click('Yes', randomUUID()),
      { ...OPEN, thread: latestOf('customer:2') },
    ]) {
      const fresh = await user.accept('Yes', terms);
      assert.equal(fresh.chain, undefined);
      assert.equal((await user.store.run(fresh.runId))?.continues, undefined);
      await user.finish(fresh);
      assert.deepEqual(await stateOf(user.store, asked), IS_OPEN);
    }
    const pressed = await user.accept('', click('Yes', questionId));
    assert.equal(pressed.chain?.continues, questionId);
  });

  test('a run without a message answers nothing', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const asked = await ask(user, run);
    const result = await user.store.acceptRun({ ...requestIn(user, run), ...OPEN });
    assert.ok(result.kind === 'accepted');
    assert.equal(result.chain, undefined);
    assert.deepEqual(await stateOf(user.store, asked), IS_OPEN);
  });

  test('of two messages at the same time one answers, and the other waits', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const { questionId } = await ask(user, run);
    const both = await Promise.all(['yes', 'please'].map((text) => user.accept(text, OPEN)));
    const answers = both.filter(({ chain }) => chain?.continues === questionId);
    assert.deepEqual(
      answers.map(({ status }) => status),
      ['running'],
    );
    assert.equal(both.filter(({ status }) => status === 'queued').length, 1);
  });

  test('a message that is refused leaves the question open', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const asked = await ask(user, run, { tell: true });
    const busy = await user.accept('meanwhile');
    for (const rule of [OPEN, DECLINE, strictly(asked.questionId)]) {
      const rejected = await user.ask('Yes', { ...rule, onBusy: 'reject' });
      assert.deepEqual(rejected, { kind: 'thread_busy' });
      const full = await user.ask('Yes', { ...rule, queueLimit: 0 });
      assert.deepEqual(full, { kind: 'queue_full' });
      assert.deepEqual(await stateOf(user.store, asked), IS_OPEN);
    }
    const answer = await user.accept('Yes', OPEN);
    assert.deepEqual([answer.status, answer.chain?.continues], ['queued', asked.questionId]);
    const result = await user.finish(busy);
    assert.equal(result.kind === 'finished' && result.next?.runId, answer.runId);
  });

  test('a message that waited when the question was asked does not answer it', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const waiting = await user.accept('yes', OPEN);
    const asked = await ask(user, run);
    assert.equal(asked.result.kind === 'finished' && asked.result.next?.runId, waiting.runId);
    assert.deepEqual(await stateOf(user.store, asked), IS_OPEN);
    assert.equal((await user.store.run(waiting.runId))?.continues, undefined);
  });

  test('an early question is answered by the first waiting message that it takes', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello');
    const rating = await user.accept('', { incoming: newEvent('comm.user_rating', {}) });
    const withdrawn = await user.accept('no');
    const taken = await user.accept('yes', DURABLE);
    const later = await user.accept('please');
    await user.finish(withdrawn, [], { status: 'cancelled' });
    const asked = await ask(user, run, { early: true });
    assert.equal(asked.result.kind === 'finished' && asked.result.next?.runId, rating.runId);
    const { state, answeredBy } = (await store.question(asked.questionId)) ?? {};
    assert.deepEqual([state, answeredBy], ['answered', taken.runId]);
    const records = await Promise.all(
      [rating, withdrawn, taken, later].map(({ runId }) => store.run(runId)),
    );
    assert.deepEqual(
      records.map((record) => record?.continues),
      [undefined, undefined, asked.questionId, undefined],
    );
    assert.deepEqual([records[2]?.chainId, records[2]?.durable], [run.runId, true]);
    const { runs } = await chainOf(store, run.runId);
    assert.deepEqual(
      runs.map(({ runId }) => runId),
      [run.runId, taken.runId],
    );
  });

  test('an early question stays open when no waiting message answers it', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    await user.accept('perhaps');
    const asked = await ask(user, run, { early: true, contents: ['Yes'] });
    assert.deepEqual(await stateOf(user.store, asked), IS_OPEN);
  });

  test('an answer to a named question is strict, and leaves nothing behind when it is refused', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello');
    const service = await ask(user, run, TO_SERVICE);
    const { questionId } = await ask(user, await user.accept('and?'));
    const before = (await eventsOf(store, run.thread.id)).length;
    const unknown = { kind: 'question_not_found' };
    const other = await store.openThread({ contactId: 'customer:2' });
    const nowhere = { contactId: 'customer:3', threadConfig: {} };
    for (const terms of [
      strictly(randomUUID()),
      strictly('no-uuid'),
      strictly(service.questionId),
      { answer: { kind: 'question', questionId, audience: 'service' } as const },
      { ...strictly(questionId), thread: { kind: 'thread', threadId: other.thread.id } as const },
      { ...strictly(questionId), thread: latestOf('customer:3') },
      { ...strictly(questionId), thread: { kind: 'new', ...nowhere, events: [] } as const },
    ]) {
      assert.deepEqual(await user.ask('Yes', terms), unknown);
    }
    assert.equal(await store.latestThread('customer:3'), undefined);
    assert.equal((await eventsOf(store, run.thread.id)).length, before);

    const answer = await user.accept('Yes', strictly(questionId));
    assert.equal(answer.chain?.continues, questionId);
    const closed = { kind: 'question_closed', answeredBy: answer.runId };
    assert.deepEqual(await user.ask('Yes', strictly(questionId)), closed);
  });

  test('an answer that is repeated with its key is the same run', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const { questionId } = await ask(user, run);
    const terms = { ...strictly(questionId), idempotency: keyOf('k') };
    const answer = await user.accept('Yes', terms);
    const existing = { kind: 'existing', runId: answer.runId };
    assert.deepEqual(await user.ask('Yes', terms), existing);
    const error = { code: 'shutting_down', message: 'm' };
    await user.finish(answer, [], { status: 'failed', error });
    const again = await user.accept('Yes', terms);
    assert.deepEqual([again.runId, again.attempt], [answer.runId, 2]);
    assert.deepEqual(again.chain, answer.chain);
  });

  test('a message that declines withdraws the question, and begins a chain of its own', async () => {
    await using user = await freshStore(kind);
    const without = await user.accept('Hello', DECLINE);
    assert.equal(without.status, 'running');
    const asked = await ask(user, without);
    const fresh = await user.accept('Something else', DECLINE);
    assert.deepEqual([fresh.status, fresh.chain], ['running', undefined]);
    assert.deepEqual(await stateOf(user.store, asked), { state: 'withdrawn', reason: 'declined' });
    const closed = { kind: 'question_closed', answeredBy: undefined };
    assert.deepEqual(await user.ask('Yes', strictly(asked.questionId)), closed);
    assert.deepEqual((await reap(user)).recovered, []);
  });

  test('a pipeline that wants to know goes on before the message that declined', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const asked = await ask(user, run, { tell: true });
    const fresh = await user.accept('Something else', DECLINE);
    assert.equal(fresh.status, 'queued');
    const { questionId } = asked;
    assert.deepEqual(await newestIn(user, run.runId), [
      'jims.question_withdrawn',
      { question_id: questionId, reason: 'declined' },
    ]);
    const told = await recoverOne(user);
    assert.deepEqual([told.chain.chainId, told.chain.continues], [run.runId, questionId]);
    assert.equal((await store.question(questionId))?.answeredBy, told.runId);
    const result = await user.finish(told, ['Never mind']);
    assert.equal(result.kind === 'finished' && result.next?.runId, fresh.runId);
  });

  test('a new question to the contact supersedes the open one', async () => {
    await using user = await freshStore(kind);
    const first = await ask(user, await user.accept('one'));
    const second = await ask(user, await user.accept('two'));
    assert.deepEqual(await stateOf(user.store, first), {
      state: 'withdrawn',
      reason: 'superseded',
    });
    assert.deepEqual(await stateOf(user.store, second), IS_OPEN);
    assert.equal((await user.accept('Yes', OPEN)).chain?.continues, second.questionId);
  });

  test('a pipeline that wants to know goes on after all that waits when it is superseded', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const first = await ask(user, one, { tell: true });
    const two = await user.accept('two');
    const three = await user.accept('three');
    const second = await ask(user, two);
    assert.equal(second.result.kind === 'finished' && second.result.next?.runId, three.runId);
    const result = await user.finish(three);
    const told = await recoverOne(user);
    const next = { runId: told.runId, instanceId: NOBODY };
    assert.deepEqual(result.kind === 'finished' && result.next, next);
    assert.equal(told.chain.continues, first.questionId);
    assert.deepEqual(await newestIn(user, one.runId), [
      'jims.question_withdrawn',
      { question_id: first.questionId, reason: 'superseded' },
    ]);
  });

  test('a service answers its question by its id; what the contact says meanwhile does not', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Refund!', DURABLE);
    const asked = await ask(user, run, TO_SERVICE);
    const meanwhile = await user.accept('Hurry up', OPEN);
    assert.equal(meanwhile.chain, undefined);
    assert.deepEqual(await stateOf(store, asked), IS_OPEN);
    const waiting = await user.accept('please', OPEN);

    const answer = await user.accept('', {
      ...byService(run, asked),
      onBusy: 'reject',
      queueLimit: 0,
    });
    assert.deepEqual([answer.status, answer.chain?.chainId], ['queued', run.runId]);
    const full = await user.ask('more', { queueLimit: 1 });
    assert.deepEqual(full, { kind: 'queue_full' });
    const impatient = await user.accept('now!', { onBusy: 'interrupt', queueLimit: 2 });
    assert.deepEqual(
      impatient.interrupted.map(({ runId }) => runId),
      [meanwhile.runId, waiting.runId],
    );
    await user.finish(meanwhile, [], { status: 'cancelled' });
    const second = await user.finish(waiting, [], { status: 'cancelled' });
    assert.equal(second.kind === 'finished' && second.next?.runId, answer.runId);
    assert.deepEqual(
      (await newestIn(user, run.runId))[0],
      'jims.question_answered',
      'it is in the log as any message',
    );
    const closed = { kind: 'question_closed', answeredBy: answer.runId };
    assert.deepEqual(await user.ask('', byService(run, asked)), closed);
  });

  test('a thread has a limit of questions to services, and none at that end is written', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (let n = 0; n < MAX_SERVICE_QUESTIONS; n++) {
      await ask(user, await user.accept('Refund!'), TO_SERVICE);
    }
    const run = await user.accept('Refund!');
    const { result, questionId } = await ask(user, run, { ...TO_SERVICE, text: 'Wait, please' });
    assert.deepEqual(result, { kind: 'too_many_questions' });
    assert.equal(await store.question(questionId), undefined);
    assert.equal((await store.run(run.runId))?.status, 'running');
    assert.ok(!(await conversation(store, run.thread.id)).includes('Wait, please'));
    assert.deepEqual((await chainOf(store, run.runId)).entries, []);
    assert.equal((await ask(user, run)).result.kind, 'finished');
    const elsewhere = await user.accept('Refund!', { thread: latestOf('customer:2') });
    assert.equal((await ask(user, elsewhere, TO_SERVICE)).result.kind, 'finished');
  });

  test('a question whose time is over expires, and its chain goes on', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const { questionId } = await ask(user, run, { ...SOON, name: 'sure' });
    await someTime();
    const before = await user.store.standing();
    assert.deepEqual(before, { runs: 0, questions: 1 });
    for (const terms of [{ recovers: 'none' }, { places: 0 }] as const) {
      assert.deepEqual((await reap(user, terms)).recovered, []);
      assert.equal((await store.question(questionId))?.state, 'open');
    }
    const expired = await recoverOne(user, { recovers: 'continued' });
    assert.deepEqual([expired.recoveries, expired.createdThread], [0, false]);
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
    const asked = await ask(user, await user.accept('Hello'));
    assert.deepEqual((await reap(user)).recovered, []);
    assert.deepEqual(await stateOf(user.store, asked), IS_OPEN);
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
    const asked = await ask(user, run, { ...TO_SERVICE, ...SOON });
    await someTime();
    const expired = { kind: 'question_expired' };
    assert.deepEqual(await user.ask('', byService(run, asked)), expired);
    assert.equal((await user.store.question(asked.questionId))?.state, 'expired');
    assert.deepEqual(await user.ask('', byService(run, asked)), expired);
    const goesOn = await recoverOne(user);
    assert.equal(goesOn.chain.continues, asked.questionId);
  });

  test('cancelling a run that waits for its answer withdraws the question', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello');
    const asked = await ask(user, run, { tell: true });
    assert.equal(await store.requestCancel(run.runId), 'completed');
    assert.deepEqual(await stateOf(store, asked), { state: 'withdrawn', reason: 'cancelled' });
    assert.equal((await store.run(run.runId))?.question?.state, 'withdrawn');
    assert.equal(await store.requestCancel(run.runId), 'completed');
    assert.equal((await user.accept('Yes', OPEN)).chain, undefined);
    assert.deepEqual((await chainOf(store, run.runId)).runs.length, 1, 'a cancel executes nothing');
  });

  test('the questions of a thread are withdrawn when another thread takes its external id', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const contact = { contactId: 'customer:1', externalId: 'chat', threadConfig: {}, events: [] };
    const old = await user.accept('Hello', { thread: { kind: 'external', ...contact } });
    const asked = await ask(user, old, { tell: true });
    const service = await ask(user, await user.accept('order'), TO_SERVICE);
    const other = await ask(user, await user.accept('x', { thread: latestOf('b') }));
    const replaced = { kind: 'new', ...contact, replaces: old.thread.id } as const;
    const next = await user.accept('Hello again', { ...OPEN, thread: replaced });
    assert.deepEqual([next.status, next.chain], ['running', undefined]);
    const withdrawn = { state: 'withdrawn', reason: 'replaced' };
    assert.deepEqual(await stateOf(store, asked), withdrawn);
    assert.deepEqual(await stateOf(store, service), withdrawn);
    assert.deepEqual(await stateOf(store, other), IS_OPEN);
    assert.equal(await store.activeRun(old.thread.id), undefined);
  });

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
    const asked = await ask(user, run, {}, 1);
    await someTime();
    await purgeAll(user, { idleThreadsMs: 1 });
    assert.deepEqual(await stateOf(store, asked), IS_OPEN);
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
    assert.equal(await store.question(asked.questionId), undefined);
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
    const asked = await ask(user, run);
    await user.store.requestCancel(run.runId);
    await purgeAll(user, { finishedRunsMs: 3_600_000 });
    assert.equal((await user.store.run(run.runId))?.question?.state, 'withdrawn');
    assert.equal((await stateOf(user.store, asked)).reason, 'cancelled');
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

/** Removes all that may be removed; finished runs at once, unless told otherwise. */
async function purgeAll({ store }: StoreUser, limits: object = {}): Promise<void> {
  for (;;) {
    const all = { finishedRunsMs: 1, progressMs: 1, batch: 100, ...limits };
    if (!(await store.purge(all)).more) return;
  }
}

function requestIn({ instanceId }: StoreUser, { thread }: AcceptedRun): AcceptRequest {
  return {
    runId: randomUUID(),
    instanceId,
    thread: { kind: 'thread', threadId: thread.id },
    holdIncomingOnNewThread: false,
    onBusy: 'queue',
    queueLimit: 100,
  };
}
