import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

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
    const posed = await ask(user, run, parts);
    assert.equal(posed.result.kind, 'finished');
    const record = await store.run(run.runId);
    assert.deepEqual(
      [record?.status, record?.question?.questionId, record?.question?.state],
      ['completed', posed.questionId, 'open'],
    );
    const found = await store.question(posed.questionId);
    assert.ok(found);
    const { askedAt, expiresAt, ...rest } = found;
    assert.deepEqual(rest, {
      ...parts,
      questionId: posed.questionId,
      chainId: run.runId,
      audience: 'contact',
      text: 'Sure?',
      accepts: posed.accepts,
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
    assert.equal(Date.parse(expiresAt) - Date.parse(askedAt), posed.expiresInMs);
    const { entries } = await chainOf(store, run.runId);
    const { questionId } = posed;
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
    const posed = await ask(user, run, { contents: ['Yes', 'No'] });
    const { questionId } = posed;
    const click = (content: string, id?: string): Partial<AcceptRequest> => ({
      ...OPEN,
      incoming: newEvent('comm.user_button_click', { content, ...(id && { question_id: id }) }),
    });
    for (const options of [
      {},
      { answer: { kind: 'none' } } as const,
      { ...OPEN, incoming: message('Perhaps') },
      { ...OPEN, incoming: newEvent('comm.user_rating', { content: 'Yes' }) },
      { ...OPEN, incoming: newEvent('comm.user_message', { text: 'Yes' }) },
      click('Yes', randomUUID()),
      { ...OPEN, thread: latestOf('customer:2') },
    ]) {
      const fresh = await user.accept('Yes', options);
      assert.equal(fresh.chain, undefined);
      assert.equal((await user.store.run(fresh.runId))?.continues, undefined);
      await user.finish(fresh);
      assert.deepEqual(await stateOf(user.store, posed), IS_OPEN);
    }
    const pressed = await user.accept('', click('Yes', questionId));
    assert.equal(pressed.chain?.continues, questionId);
  });

  test('a run without a message answers nothing', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const posed = await ask(user, run);
    const result = await user.store.acceptRun({ ...requestIn(user, run), ...OPEN });
    assert.ok(result.kind === 'accepted');
    assert.equal(result.chain, undefined);
    assert.deepEqual(await stateOf(user.store, posed), IS_OPEN);
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
    const posed = await ask(user, run, { tell: true });
    const busy = await user.accept('meanwhile');
    for (const rule of [OPEN, DECLINE, strictly(posed.questionId)]) {
      const rejected = await user.ask('Yes', { ...rule, onBusy: 'reject' });
      assert.deepEqual(rejected, { kind: 'thread_busy' });
      const full = await user.ask('Yes', { ...rule, queueLimit: 0 });
      assert.deepEqual(full, { kind: 'queue_full' });
      assert.deepEqual(await stateOf(user.store, posed), IS_OPEN);
    }
    const answer = await user.accept('Yes', OPEN);
    assert.deepEqual([answer.status, answer.chain?.continues], ['queued', posed.questionId]);
    const result = await user.finish(busy);
    assert.equal(result.kind === 'finished' && result.next?.runId, answer.runId);
  });

  test('a message that waited when the question was asked does not answer it', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const waiting = await user.accept('yes', OPEN);
    const posed = await ask(user, run);
    assert.equal(posed.result.kind === 'finished' && posed.result.next?.runId, waiting.runId);
    assert.deepEqual(await stateOf(user.store, posed), IS_OPEN);
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
    const posed = await ask(user, run, { early: true });
    assert.equal(posed.result.kind === 'finished' && posed.result.next?.runId, rating.runId);
    const { state, answeredBy } = (await store.question(posed.questionId)) ?? {};
    assert.deepEqual([state, answeredBy], ['answered', taken.runId]);
    const records = await Promise.all(
      [rating, withdrawn, taken, later].map(({ runId }) => store.run(runId)),
    );
    assert.deepEqual(
      records.map((record) => record?.continues),
      [undefined, undefined, posed.questionId, undefined],
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
    const posed = await ask(user, run, { early: true, contents: ['Yes'] });
    assert.deepEqual(await stateOf(user.store, posed), IS_OPEN);
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
    const newcomer = { contactId: 'customer:3', threadConfig: {} };
    for (const options of [
      strictly(randomUUID()),
      strictly('no-uuid'),
      strictly(service.questionId),
      { answer: { kind: 'question', questionId, audience: 'service' } as const },
      { ...strictly(questionId), thread: { kind: 'thread', threadId: other.thread.id } as const },
      { ...strictly(questionId), thread: latestOf('customer:3') },
      { ...strictly(questionId), thread: { kind: 'new', ...newcomer, events: [] } as const },
    ]) {
      assert.deepEqual(await user.ask('Yes', options), unknown);
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
    const options = { ...strictly(questionId), idempotency: keyOf('k') };
    const answer = await user.accept('Yes', options);
    const existing = { kind: 'existing', runId: answer.runId };
    assert.deepEqual(await user.ask('Yes', options), existing);
    const error = { code: 'shutting_down', message: 'm' };
    await user.finish(answer, [], { status: 'failed', error });
    const again = await user.accept('Yes', options);
    assert.deepEqual([again.runId, again.attempt], [answer.runId, 2]);
    assert.deepEqual(again.chain, answer.chain);
  });

  test('a message that declines withdraws the question, and begins a chain of its own', async () => {
    await using user = await freshStore(kind);
    const without = await user.accept('Hello', DECLINE);
    assert.equal(without.status, 'running');
    const posed = await ask(user, without);
    const fresh = await user.accept('Something else', DECLINE);
    assert.deepEqual([fresh.status, fresh.chain], ['running', undefined]);
    assert.deepEqual(await stateOf(user.store, posed), { state: 'withdrawn', reason: 'declined' });
    const closed = { kind: 'question_closed', answeredBy: undefined };
    assert.deepEqual(await user.ask('Yes', strictly(posed.questionId)), closed);
    assert.deepEqual((await reap(user)).recovered, []);
  });

  test('a pipeline that wants to know goes on before the message that declined', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Hello', DURABLE);
    const posed = await ask(user, run, { tell: true });
    const fresh = await user.accept('Something else', DECLINE);
    assert.equal(fresh.status, 'queued');
    const { questionId } = posed;
    assert.deepEqual(await newestIn(user, run.runId), [
      'jims.question_withdrawn',
      { question_id: questionId, reason: 'declined' },
    ]);
    const informed = await recoverOne(user);
    assert.deepEqual([informed.chain.chainId, informed.chain.continues], [run.runId, questionId]);
    assert.equal((await store.question(questionId))?.answeredBy, informed.runId);
    const result = await user.finish(informed, ['Never mind']);
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
    const informed = await recoverOne(user);
    const next = { runId: informed.runId, instanceId: NOBODY };
    assert.deepEqual(result.kind === 'finished' && result.next, next);
    assert.equal(informed.chain.continues, first.questionId);
    assert.deepEqual(await newestIn(user, one.runId), [
      'jims.question_withdrawn',
      { question_id: first.questionId, reason: 'superseded' },
    ]);
  });

  test('a service answers its question by its id; what the contact says meanwhile does not', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('Refund!', DURABLE);
    const posed = await ask(user, run, TO_SERVICE);
    const meanwhile = await user.accept('Hurry up', OPEN);
    assert.equal(meanwhile.chain, undefined);
    assert.deepEqual(await stateOf(store, posed), IS_OPEN);
    const waiting = await user.accept('please', OPEN);

    const answer = await user.accept('', {
      ...byService(run, posed),
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
    assert.deepEqual(await user.ask('', byService(run, posed)), closed);
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
    const other = await user.accept('Refund!', { thread: latestOf('customer:2') });
    assert.equal((await ask(user, other, TO_SERVICE)).result.kind, 'finished');
  });
});

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
