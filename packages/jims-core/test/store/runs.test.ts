import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import type { RunThread } from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { Thread } from '../../src/thread/thread.ts';
import {
  answer,
  conversation,
  eventsOf,
  freshStore,
  keyOf,
  latestOf,
  question,
  storeUser,
  texts,
  untilClockTicks,
} from '../support/store-user.ts';
import type { StoreUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

/** A thread as it is now, behind its last event. */
async function asItIs(
  { store }: StoreUser,
  { id: threadId }: Thread,
): Promise<Extract<RunThread, { kind: 'thread' }>> {
  const after = (await eventsOf(store, threadId)).at(-1);
  assert.ok(after);
  return { kind: 'thread', threadId, after };
}

describeStores((kind) => {
  test('an outcome that is stored once more is the same outcome; another one is fenced', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const run = await user.accept('one');
    const outcome = {
      status: 'completed',
      events: [answer('1'), answer('2')],
      lastSeq: 3,
    } as const;
    const first = await store.finishRun(user.owner(run), outcome);
    const next = await user.accept('two');
    const { lastSeq } = outcome;
    assert.deepEqual(await store.finishRun(user.owner(run), outcome), first);
    for (const other of [
      { ...outcome, events: [answer('1')] },
      { ...outcome, events: outcome.events.toReversed() },
      { ...outcome, lastSeq: 4 },
      {
        status: 'failed',
        events: [],
        error: { code: 'deadline', message: 'late' },
        lastSeq,
      } as const,
    ]) {
      assert.deepEqual(await store.finishRun(user.owner(run), other), { kind: 'fenced' });
    }
    const others = [
      { ...user.owner(run), attempt: 2 },
      { ...user.owner(run), instanceId: next.runId },
    ];
    for (const owner of others) {
      assert.deepEqual(await store.finishRun(owner, outcome), { kind: 'fenced' });
    }
    assert.deepEqual(await conversation(store, run.thread.id), ['one', '1', '2', 'two']);
  });

  test('a first message makes the thread, and its run runs at once', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    assert.equal(run.status, 'running');
    assert.equal(run.createdThread, true);
    assert.equal(run.attempt, 1);
    assert.equal(run.started, false);
    assert.equal(run.thread.contactId, 'customer:1');
    assert.deepEqual(run.thread.config, { interface: 'test' });
    const events = await eventsOf(user.store, run.thread.id);
    assert.deepEqual(
      events.map((event) => event.type),
      ['jims.lifecycle.thread_created', 'comm.user_message'],
    );
    assert.deepEqual(run.fresh, { after: undefined, events });
  });

  test('an answer is in the log with its times, after its question', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    const result = await user.finish(run, ['one', 'two']);
    assert.equal(result.kind, 'finished');
    assert.deepEqual(result.kind === 'finished' && result.next, undefined);
    const log = await eventsOf(user.store, run.thread.id);
    assert.deepEqual(texts(log), ['Hello', 'one', 'two']);
    assert.deepEqual(result.kind === 'finished' && result.events, log.slice(2));
  });

  test('the next message of a contact continues their latest thread', async () => {
    await using user = await freshStore(kind);
    const first = await user.accept('one');
    await user.finish(first);
    await untilClockTicks();
    const other = await user.store.openThread({ contactId: 'customer:1' });
    const second = await user.accept('two');
    assert.equal(second.thread.id, other.thread.id);
    assert.equal(second.createdThread, false);
  });

  test('a message may name its thread, but not the thread of another contact', async () => {
    await using user = await freshStore(kind);
    const { thread } = await user.store.openThread({ contactId: 'customer:2' });
    const foreign = { kind: 'thread', threadId: thread.id, contactId: 'customer:1' } as const;
    assert.deepEqual(await user.ask('no', { thread: foreign }), { kind: 'thread_not_found' });
    const unknown = { kind: 'thread', threadId: randomUUID() } as const;
    assert.deepEqual(await user.ask('no', { thread: unknown }), { kind: 'thread_not_found' });
    const malformed = { kind: 'thread', threadId: 'no-uuid' } as const;
    assert.deepEqual(await user.ask('no', { thread: malformed }), { kind: 'thread_not_found' });
    const own = { kind: 'thread', threadId: thread.id, contactId: 'customer:2' } as const;
    assert.equal((await user.accept('yes', { thread: own })).thread.id, thread.id);
    assert.deepEqual(await conversation(user.store, thread.id), ['yes']);
  });

  test('a run may begin a new thread with a history, and take over an external id', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const old = await store.openThread({ contactId: 'customer:1', externalId: 'chat' });
    await untilClockTicks();
    const history = [question('one'), answer('1')];
    const contact = { contactId: 'customer:1', threadConfig: {} };
    const thread: RunThread = { kind: 'new', ...contact, externalId: 'chat', events: history };
    const run = await user.accept('two', { thread });
    assert.notEqual(run.thread.id, old.thread.id);
    assert.equal(run.createdThread, true);
    assert.deepEqual(await store.threadByExternalId('customer:1', 'chat'), run.thread);
    const log = await eventsOf(store, run.thread.id);
    assert.deepEqual(texts(log), ['one', '1', 'two']);
    assert.deepEqual(run.fresh, { after: undefined, events: log });
    const alone = await user.accept('alone', { thread: { kind: 'new', ...contact, events: [] } });
    assert.equal(alone.status, 'running');
    assert.equal(alone.thread.externalId, undefined);
  });

  test('a run may begin a new thread whose id is known before', async () => {
    await using user = await freshStore(kind);
    const threadId = randomUUID();
    const rest = { contactId: 'customer:1', threadConfig: {}, events: [] };
    const run = await user.accept('one', { thread: { kind: 'new', threadId, ...rest } });
    assert.equal(run.thread.id, threadId);
    assert.equal(run.createdThread, true);
  });

  test('messages to a busy thread wait in its queue, and are not in the log until their turn', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    const three = await user.accept('three');
    assert.deepEqual([two.status, three.status], ['queued', 'queued']);
    assert.equal(two.fresh, undefined);
    assert.deepEqual(await conversation(user.store, one.thread.id), ['one']);
    assert.equal((await user.store.run(two.runId))?.incoming?.data['content'], 'two');

    const first = await user.finish(one, ['1']);
    const next = { runId: two.runId, instanceId: user.instanceId };
    assert.deepEqual(first.kind === 'finished' && first.next, next);
    assert.equal((await user.store.run(two.runId))?.status, 'running');
    await user.finish(two, ['2']);
    await user.finish(three, ['3']);
    assert.deepEqual(await conversation(user.store, one.thread.id), [
      'one',
      '1',
      'two',
      '2',
      'three',
      '3',
    ]);
  });

  test('threads do not wait for each other', async () => {
    await using user = await freshStore(kind);
    await user.accept('one');
    assert.equal((await user.accept('two', { thread: latestOf('customer:2') })).status, 'running');
  });

  test('a run may start without a message', async () => {
    await using user = await freshStore(kind);
    const { thread } = await user.store.openThread({ contactId: 'customer:1' });
    const run = await user.store.acceptRun({
      runId: randomUUID(),
      instanceId: user.instanceId,
      thread: { kind: 'thread', threadId: thread.id },
      holdIncomingOnNewThread: false,
      onBusy: 'queue',
      queueLimit: 1,
    });
    assert.ok(run.kind === 'accepted');
    assert.deepEqual(await conversation(user.store, thread.id), []);
    assert.equal((await user.store.run(run.runId))?.incoming, undefined);
  });

  test('what the caller has read already is not sent again', async () => {
    await using user = await freshStore(kind);
    const first = await user.accept('one');
    await user.finish(first, ['1']);
    const seen = (await eventsOf(user.store, first.thread.id)).at(-1);
    assert.ok(seen);
    await user.store.appendEvents(first.thread.id, [answer('by the way')]);
    const known = { threadId: first.thread.id, after: seen };
    const second = await user.accept('two', { known });
    assert.deepEqual(second.fresh?.after, seen);
    assert.deepEqual(texts(second.fresh?.events ?? []), ['by the way', 'two']);
    await user.finish(second);
    const other = await user.accept('three', {
      known: { threadId: randomUUID(), after: seen },
    });
    assert.equal(other.fresh, undefined);
  });

  test('a busy thread may refuse instead, and a queue may be full', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    assert.deepEqual(await user.ask('no', { onBusy: 'reject' }), { kind: 'thread_busy' });
    await user.accept('two', { queueLimit: 2 });
    await user.accept('three', { queueLimit: 2 });
    assert.deepEqual(await user.ask('four', { queueLimit: 2 }), { kind: 'queue_full' });
    assert.deepEqual(await conversation(user.store, one.thread.id), ['one']);
    await user.finish(one);
    await user.accept('four', { queueLimit: 2 });
    const free = { onBusy: 'reject', thread: latestOf('customer:2') } as const;
    assert.equal((await user.accept('hello', free)).status, 'running');
  });

  test('a message may continue a thread after an event, as long as nothing else did', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    await user.finish(one, ['1']);
    const thread = await asItIs(user, one.thread);
    const { threadId } = thread;
    await user.store.appendEvents(threadId, [newEvent('rag.query', { q: 'unsaid' })]);
    const two = await user.accept('two', { thread });
    const moved = { kind: 'thread_moved' };
    assert.deepEqual(await user.ask('no', { thread }), moved);
    await user.finish(two);
    assert.deepEqual(await user.ask('no', { thread }), moved);
    assert.deepEqual(await conversation(user.store, threadId), ['one', '1', 'two']);
  });

  test('a run in a thread has moved it, and a message that is sent again finds its run', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const thread = await asItIs(user, one.thread);
    assert.deepEqual(await user.ask('no', { thread }), { kind: 'thread_moved' });
    await user.finish(one);
    const idempotency = keyOf('k');
    const two = await user.accept('two', { thread, idempotency });
    const again = await user.ask('two', { thread, idempotency });
    assert.deepEqual(again, { kind: 'existing', runId: two.runId });
  });

  test('of messages that continue the same event at the same time, one is accepted', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    await user.finish(one, ['1']);
    const thread = await asItIs(user, one.thread);
    const results = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (text) => {
        const result = await user.ask(text, { thread });
        if (result.kind === 'accepted') await user.finish(result);
        return result.kind;
      }),
    );
    assert.deepEqual(results.toSorted(), [
      'accepted',
      'thread_moved',
      'thread_moved',
      'thread_moved',
    ]);
  });

  test('an interrupting message asks all before it to stop, and waits for them', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    const three = await user.accept('three', { onBusy: 'interrupt' });
    assert.equal(three.status, 'queued');
    assert.deepEqual(
      three.interrupted.map((run) => run.runId),
      [one.runId, two.runId],
    );
    const polled = await user.store.pollRuns(user.instanceId, []);
    assert.deepEqual(polled.map((run) => run.runId).toSorted(), [one.runId, two.runId].toSorted());
    assert.ok(polled.every((run) => run.cancelRequested));

    await user.finish(two, [], { status: 'cancelled' });
    const result = await user.finish(one, ['half'], { status: 'cancelled' });
    assert.equal(result.kind === 'finished' && result.next?.runId, three.runId);
    assert.deepEqual(await conversation(user.store, one.thread.id), [
      'one',
      'half',
      'two',
      'three',
    ]);
    assert.equal((await user.store.run(two.runId))?.status, 'cancelled');
  });

  test('an interrupting message in a free thread interrupts nobody', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('one', { onBusy: 'interrupt' });
    assert.equal(run.status, 'running');
    assert.deepEqual(run.interrupted, []);
    assert.deepEqual(await user.store.pollRuns(user.instanceId, []), []);
  });

  test('the question of a run that is withdrawn while it waits is kept, in its order', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    const three = await user.accept('three');
    const error = { code: 'deadline', message: 'too late' };
    const withdrawn = await user.finish(two, ['never said'], { status: 'failed', error });
    assert.deepEqual(withdrawn, { kind: 'finished', events: [], next: undefined });
    const waiting = await user.store.run(two.runId);
    assert.deepEqual([waiting?.status, waiting?.withdrawnAs], ['queued', 'failed']);
    assert.deepEqual(waiting?.error, error);
    const result = await user.finish(one, ['1']);
    assert.equal(result.kind === 'finished' && result.next?.runId, three.runId);
    assert.deepEqual(await conversation(user.store, one.thread.id), ['one', '1', 'two', 'three']);
    const record = await user.store.run(two.runId);
    assert.equal(record?.status, 'failed');
    assert.deepEqual(record?.error, error);
    assert.deepEqual(record?.events, []);
  });

  test('a thread is free when all runs that waited in it were withdrawn', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    await user.finish(two, [], { status: 'cancelled' });
    await user.finish(one);
    assert.equal((await user.accept('three')).status, 'running');
  });

  test('a run is ended once, and by its own process', async () => {
    await using user = await freshStore(kind);
    const other = await storeUser(user.store);
    const run = await user.accept('one');
    assert.deepEqual(await other.finish(run, ['not mine']), { kind: 'fenced' });
    await user.finish(run, ['1']);
    assert.deepEqual(await user.finish(run, ['again']), { kind: 'fenced' });
    const unknown = { ...run, runId: randomUUID() };
    assert.deepEqual(await user.finish(unknown, ['who?']), { kind: 'fenced' });
    assert.deepEqual(await conversation(user.store, run.thread.id), ['one', '1']);
  });

  test('a conversation start comes before the question that waited for it', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello', { holdIncomingOnNewThread: true });
    assert.deepEqual(texts(run.fresh?.events ?? []), []);
    const appended = await user.store.appendInRun(user.owner(run), [answer('Welcome!')]);
    assert.notEqual(appended, 'fenced');
    assert.deepEqual(texts(appended as never), ['Welcome!', 'Hello']);
    await user.finish(run, ['1']);
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Welcome!', 'Hello', '1']);
    const record = await user.store.run(run.runId);
    assert.deepEqual(texts(record?.startEvents ?? []), ['Welcome!']);
    assert.deepEqual(texts(record?.events ?? []), ['1']);
    assert.equal(record?.incoming?.data['content'], 'Hello');
  });

  test('a question that waited for a conversation start is kept when that fails', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello', { holdIncomingOnNewThread: true });
    await user.finish(run, [], { status: 'failed', error: { code: 'x', message: 'y' } });
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Hello']);
  });

  test('a question does not wait for a conversation start in a thread that was there', async () => {
    await using user = await freshStore(kind);
    await user.store.openThread({ contactId: 'customer:1' });
    const run = await user.accept('Hello', { holdIncomingOnNewThread: true });
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Hello']);
    assert.deepEqual(await user.store.appendInRun(user.owner(run), []), []);
    assert.deepEqual(await conversation(user.store, run.thread.id), ['Hello']);
  });

  test('only a running run of this process appends', async () => {
    await using user = await freshStore(kind);
    const other = await storeUser(user.store);
    const one = await user.accept('one');
    const two = await user.accept('two');
    assert.equal(await other.store.appendInRun(other.owner(one), [answer('no')]), 'fenced');
    assert.equal(await user.store.appendInRun(user.owner(two), [answer('no')]), 'fenced');
    await user.finish(one);
    assert.equal(await user.store.appendInRun(user.owner(one), [answer('no')]), 'fenced');
    assert.deepEqual(await conversation(user.store, one.thread.id), ['one', 'two']);
  });

  test('all that is kept of a run can be read', async () => {
    await using user = await freshStore(kind);
    const incoming = question('Hello');
    const run = await user.accept('', { incoming });
    const running = await user.store.run(run.runId);
    assert.equal(running?.status, 'running');
    assert.equal(running?.finishedAt, undefined);
    assert.equal(running?.lastSeq, undefined);
    const usage = [{ model: 'small', tokens: 3, prices: [0.1, null] }];
    await user.finish(run, ['1', '2'], { usage, lastSeq: 7 });
    const record = await user.store.run(run.runId);
    assert.ok(record);
    const { acceptedAt, startedAt, finishedAt, events, ...rest } = record;
    assert.deepEqual(rest, {
      runId: run.runId,
      thread: run.thread,
      instanceId: user.instanceId,
      status: 'completed',
      withdrawnAs: undefined,
      attempt: 1,
      createdThread: true,
      incoming: { ...incoming, id: run.runId },
      startEvents: [],
      error: undefined,
      usage,
      lastSeq: 7,
      chainId: run.runId,
      continues: undefined,
      question: undefined,
      durable: false,
    });
    assert.deepEqual(texts(events), ['1', '2']);
    for (const time of [acceptedAt, startedAt, finishedAt]) {
      assert.match(time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
    assert.ok(Math.abs(Date.parse(acceptedAt) - Date.now()) < 3_600_000, 'times are UTC');
    assert.equal(await user.store.run(randomUUID()), undefined);
    assert.equal(await user.store.run('no-uuid'), undefined);
  });

  test('a run can be asked to stop while it is not over', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    assert.equal(await user.store.requestCancel(one.runId), 'running');
    assert.equal(await user.store.requestCancel(two.runId), 'queued');
    const other = await storeUser(user.store);
    assert.deepEqual(await other.store.pollRuns(other.instanceId, []), []);
    const mine = { instanceId: user.instanceId, attempt: 1 };
    assert.deepEqual(
      (await user.store.pollRuns(user.instanceId, [two.runId])).toSorted((a, b) =>
        a.status.localeCompare(b.status),
      ),
      [
        { ...mine, runId: two.runId, status: 'queued', cancelRequested: true },
        { ...mine, runId: one.runId, status: 'running', cancelRequested: true },
      ],
    );
    // Who has it withdraws it; until then it keeps its place.
    const result = await user.finish(one, [], { status: 'cancelled' });
    assert.equal(result.kind === 'finished' && result.next?.runId, two.runId);
    assert.equal(await user.store.requestCancel(one.runId), 'cancelled');
    assert.equal(await user.store.requestCancel(randomUUID()), undefined);
    assert.equal(await user.store.requestCancel('no-uuid'), undefined);
  });

  test('a caller that waits learns how its run ended', async () => {
    await using user = await freshStore(kind);
    const one = await user.accept('one');
    const two = await user.accept('two');
    const poll = (): Promise<unknown> => user.store.pollRuns(user.instanceId, [two.runId]);
    const { instanceId } = user;
    const seen = { runId: two.runId, instanceId, attempt: 1, cancelRequested: false };
    assert.deepEqual(await poll(), [{ ...seen, status: 'queued' }]);
    await user.finish(one);
    assert.deepEqual(await poll(), [{ ...seen, status: 'running' }]);
    await user.finish(two);
    assert.deepEqual(await poll(), [{ ...seen, status: 'completed' }]);
  });

  test('many messages at the same time get into one thread and one queue', async () => {
    await using user = await freshStore(kind);
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, index) => user.accept(`m${index}`)),
    );
    assert.equal(new Set(runs.map((run) => run.thread.id)).size, 1);
    assert.equal(runs.filter((run) => run.createdThread).length, 1);
    assert.equal(runs.filter((run) => run.status === 'running').length, 1);
  });
});
