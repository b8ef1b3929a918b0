import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isJimsError } from '../../../src/errors/jims-error.ts';
import { openStore } from '../../../src/store/open-store.ts';
import type { AcceptResult } from '../../../src/store/store.ts';
import { newEvent } from '../../../src/thread/event.ts';
import { newId } from '../../../src/thread/new-id.ts';
import { freshDatabase, withClient } from '../../support/postgres.ts';
import {
  answer,
  conversation,
  eventsOf,
  keyOf,
  latestOf,
  storeUser,
  texts,
  threadsOf,
} from '../../support/store-user.ts';
import type { StoreUser } from '../../support/store-user.ts';

test('first messages of a contact to several processes make one thread', async () => {
  await using pair = await twoProcesses();
  const { one, two } = pair;
  for (let contact = 0; contact < 5; contact++) {
    const thread = latestOf(`contact ${contact}`);
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? one : two).accept(`m${n}`, { thread })),
    );
    assert.equal(new Set(runs.map((run) => run.thread.id)).size, 1);
    assert.equal(runs.filter((run) => run.createdThread).length, 1);
    assert.equal(runs.filter((run) => run.status === 'running').length, 1);
  }
});

test('equal requests to several processes are one run', async () => {
  await using pair = await twoProcesses();
  const { one, two } = pair;
  for (let round = 0; round < 10; round++) {
    const idempotency = keyOf(`k${round}`);
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n): Promise<AcceptResult> =>
        (n % 2 ? one : two).ask('Hello', { idempotency, thread: latestOf(`contact ${n % 3}`) }),
      ),
    );
    const accepted = results.filter((result) => result.kind === 'accepted');
    assert.equal(accepted.length, 1);
    const runId = accepted[0]?.runId;
    for (const result of results) {
      if (result.kind !== 'accepted') assert.deepEqual(result, { kind: 'existing', runId });
    }
  }
});

test('the runs of a queue go from process to process', async () => {
  await using pair = await twoProcesses();
  const { one, two } = pair;
  const first = await one.accept('one');
  const second = await two.accept('two');
  const third = await one.accept('three');
  const next = await one.finish(first, ['1']);
  assert.deepEqual(next.kind === 'finished' && next.next, {
    runId: second.runId,
    instanceId: two.instanceId,
  });
  const last = await two.finish(second, ['2']);
  assert.equal(last.kind === 'finished' && last.next?.runId, third.runId);
  assert.deepEqual(await conversation(two.store, first.thread.id), [
    'one',
    '1',
    'two',
    '2',
    'three',
  ]);
});

test('processes that reap at the same time mark each run lost once', async () => {
  await using pair = await twoProcesses();
  const { one, two } = pair;
  const dead = await storeUser(one.store);
  const waiting = [];
  for (let n = 0; n < 10; n++) {
    const thread = latestOf(`contact ${n}`);
    await dead.accept('lost', { thread });
    waiting.push((await two.accept('next', { thread })).runId);
  }
  await one.store.endLease(dead.instanceId);
  const reaps = await Promise.all([one, two, one, two].map((user) => user.store.reapRuns()));
  assert.equal(
    reaps.reduce((sum, { lost }) => sum + lost, 0),
    10,
  );
  const started = reaps.flatMap((reap) => reap.started.map((run) => run.runId));
  assert.deepEqual(started.toSorted(), waiting.toSorted());
});

test('a queue that stands still, whatever the reason, is started again', async () => {
  await using pair = await twoProcesses();
  const { one, two } = pair;
  const first = await one.accept('one');
  const second = await two.accept('two');
  await withClient(pair.url, (client) =>
    client.query("update jims.runs set status = 'failed' where run_id = $1", [first.runId]),
  );
  const { started } = await one.store.reapRuns();
  assert.deepEqual(started, [{ runId: second.runId, instanceId: two.instanceId }]);
});

test('rows that the original writes meanwhile are in the right order', async () => {
  await using database = await freshDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  const run = await user.accept('one');
  const tell = (text: string): Promise<unknown> =>
    withClient(database.url, (client) =>
      client.query(
        `insert into thread_events (thread_id, event_id, event_type, event_data)
         values ($1, gen_random_uuid(), 'comm.assistant_message', $2)`,
        [run.thread.id, answer(text).data],
      ),
    );
  await tell('the original, one');
  await user.finish(run, ['1']);
  await tell('the original, two');
  await user.accept('two');
  assert.deepEqual(await conversation(store, run.thread.id), [
    'one',
    'the original, one',
    '1',
    'the original, two',
    'two',
  ]);
  const record = await store.run(run.runId);
  for (const time of [record?.acceptedAt, record?.finishedAt, run.thread.createdAt]) {
    assert.ok(Math.abs(Date.parse(time ?? '') - Date.now()) < 3_600_000, `${time} is UTC`);
  }
  const hour = 3_600_000;
  const limits = { idleThreadsMs: hour, finishedRunsMs: hour, progressMs: hour, batch: 10 };
  const purged = await store.purge(limits);
  assert.deepEqual(purged, { threadIds: [], runs: 0, more: false });
});

test('an event is later than all before it, also when the clock was ahead', async () => {
  await using pair = await twoProcesses();
  const { one } = pair;
  const { thread } = await one.store.openThread({ contactId: 'customer:1' });
  await withClient(pair.url, (client) =>
    client.query("update thread_events set created_at = created_at + interval '1 day'"),
  );
  const [ahead] = await eventsOf(one.store, thread.id);
  const appended = await one.store.appendEvents(thread.id, [answer('1'), answer('2')]);
  const run = await one.accept('3');
  assert.deepEqual(texts(await eventsOf(one.store, run.thread.id)), ['1', '2', '3']);
  assert.ok(ahead && appended.every((event) => event.createdAt > ahead.createdAt));
});

test('NUL, which PostgreSQL cannot keep, is refused before it is sent', async () => {
  await using pair = await twoProcesses();
  const { one } = pair;
  // Not by newEvent, which leaves no NUL.
  const nul = { id: newId(), type: 'comm.user_message', data: { role: 'user', content: 'a\0b' } };
  const refused = (error: unknown): boolean => isJimsError(error) && error.code === 'invalid_event';
  await assert.rejects(one.ask('', { incoming: nul }), refused);
  await assert.rejects(one.ask('', { thread: latestOf('a\0b') }), refused);
  await assert.rejects(one.store.openThread({ contactId: 'a\0' }), refused);
  assert.deepEqual(await threadsOf(one.store, { limit: 10 }), []);
  // The same letters without the character are like any other.
  const innocent = newEvent('comm.user_message', {
    role: 'user',
    content: String.raw`\u0000 \\u0000`,
  });
  const run = await one.accept('', { incoming: innocent });
  assert.deepEqual(await conversation(one.store, run.thread.id), [String.raw`\u0000 \\u0000`]);
});

test('the owner of the two tables may change them while runs go on', async () => {
  await using pair = await twoProcesses();
  const { one } = pair;
  await one.finish(await one.accept('one'), ['1']);
  await withClient(pair.url, async (client) => {
    await client.query('alter table threads add column note text');
    await client.query('alter table threads alter column contact_id type text');
    await client.query('alter table thread_events add column note text');
  });
  const run = await one.accept('two');
  await one.finish(run, ['2']);
  assert.deepEqual(await conversation(one.store, run.thread.id), ['one', '1', 'two', '2']);
  await withClient(pair.url, (client) => client.query('drop table thread_events, threads'));
});

/** Two stores on one database, as two processes have them. */
async function twoProcesses(): Promise<
  AsyncDisposable & { readonly url: string; readonly one: StoreUser; readonly two: StoreUser }
> {
  const database = await freshDatabase();
  const [one, two] = await Promise.all([openStore(database.url), openStore(database.url)]);
  return {
    url: database.url,
    one: await storeUser(one),
    two: await storeUser(two),
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), two.close()]);
      await database[Symbol.asyncDispose]();
    },
  };
}
