// External ids: unique within their contact, made once, and taken over by one thread at a time.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import type { AcceptedRun, RunThread, Store } from '../../src/store/store.ts';
import { newId } from '../../src/thread/new-id.ts';
import { supersededBy } from '../../src/thread/thread.ts';
import type { Thread } from '../../src/thread/thread.ts';
import { withClient } from '../support/postgres.ts';
import {
  answer,
  conversation,
  freshStore,
  keyOf,
  question,
  storeUser,
  untilClockTicks,
} from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';
import type { StoreUnderTest } from '../support/stores.ts';

describeStores((kind) => {
  test('two contacts may have the same external id', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const a = await store.openThread({ contactId: 'a', externalId: 'x' });
    const b = await store.openThread({ contactId: 'b', externalId: 'x' });
    assert.equal(b.created, true);
    assert.notEqual(a.thread.id, b.thread.id);
    assert.deepEqual(await store.threadByExternalId('a', 'x'), a.thread);
    assert.deepEqual(await store.threadByExternalId('b', 'x'), b.thread);
    assert.equal(await store.threadByExternalId('c', 'x'), undefined);
    const run = await user.accept('Hi', { thread: externalOf('b', 'x') });
    assert.deepEqual([run.thread.id, run.createdThread], [b.thread.id, false]);
  });

  test('first messages at the same time make one thread, also from two processes', async () => {
    await using user = await freshStore(kind);
    const other = kind.name === 'postgres' ? await storeUser(user.store) : user;
    const thread: RunThread = { ...externalOf('a', 'chat'), events: [question('before')] };
    const runs = await Promise.all(
      Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? user : other).accept(`m${n}`, { thread })),
    );
    assert.equal(new Set(runs.map((run) => run.thread.id)).size, 1);
    assert.equal(runs.filter((run) => run.createdThread).length, 1);
    assert.equal((await user.store.listThreads({ limit: 10 })).threads.length, 1);
    const [before, ...more] = await conversation(user.store, runs[0]?.thread.id ?? '');
    assert.equal(before, 'before');
    assert.equal(more.length, 1, 'the others wait in the queue');
  });

  test('a request that is refused makes no thread', async () => {
    await using user = await freshStore(kind);
    await user.accept('one', { thread: externalOf('a', 'chat') });
    const busy = { thread: externalOf('a', 'chat'), onBusy: 'reject' } as const;
    assert.deepEqual(await user.ask('two', busy), { kind: 'thread_busy' });
    assert.equal((await user.store.listThreads({ limit: 10 })).threads.length, 1);
  });

  test('a new thread takes over an external id, and the older one says which thread has it', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const other = await store.openThread({ contactId: 'b', externalId: 'chat' });
    const old = await user.accept('one', { thread: externalOf('a', 'chat') });
    await user.finish(old);
    await untilClockTicks();
    const fork = await user.accept('uno', { thread: forkOf(old.thread, [answer('Hi')]) });
    assert.deepEqual(await conversation(store, fork.thread.id), ['Hi', 'uno']);
    assert.deepEqual(await store.threadByExternalId('a', 'chat'), fork.thread);
    const superseded = await store.thread(old.thread.id);
    assert.equal(superseded && supersededBy(superseded), fork.thread.id);
    assert.equal(supersededBy(fork.thread), undefined);
    assert.deepEqual(await conversation(store, old.thread.id), ['one'], 'nothing is lost');
    const named = async (query: object): Promise<readonly string[]> =>
      (await store.listThreads({ limit: 10, ...query })).threads.map(({ id }) => id);
    assert.deepEqual(await named({ externalId: 'chat', contactId: 'a' }), [fork.thread.id]);
    assert.deepEqual(await named({ contactId: 'a' }), [fork.thread.id, old.thread.id]);
    assert.deepEqual(await named({ contactId: 'a', current: true }), [fork.thread.id]);
    assert.deepEqual(await named({ externalId: 'chat' }), [fork.thread.id, other.thread.id]);
  });

  test('a thread without an external id is replaced, and the others of its contact are not', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const other = await store.openThread({ contactId: 'a' });
    const old = await user.accept('one', { thread: newOf('a') });
    await user.finish(old);
    const fork = await user.accept('uno', { thread: forkOf(old.thread, [answer('Hi')]) });
    assert.deepEqual(await conversation(store, fork.thread.id), ['Hi', 'uno']);
    assert.equal(fork.thread.externalId, undefined);
    const superseded = await store.thread(old.thread.id);
    assert.equal(superseded && supersededBy(superseded), fork.thread.id);
    assert.deepEqual(await store.thread(other.thread.id), other.thread);
    const { threads } = await store.listThreads({ limit: 10, contactId: 'a', current: true });
    const current = new Set([fork.thread.id, other.thread.id]);
    assert.deepEqual(new Set(threads.map(({ id }) => id)), current);
    const again = await user.accept('two', { thread: forkOf(fork.thread, []) });
    const replaced = await store.thread(fork.thread.id);
    assert.equal(replaced && supersededBy(replaced), again.thread.id);
  });

  test('only a thread of the contact that has no external id is replaced without one', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const own = await user.accept('one', { thread: newOf('a') });
    const named = await user.accept('one', { thread: externalOf('a', 'chat') });
    const moved = await user.accept('one', { thread: newOf('a') });
    await user.accept('two', { thread: forkOf(moved.thread, []) });
    const count = (await store.listThreads({ limit: 10 })).threads.length;
    for (const thread of [
      { ...own.thread, contactId: 'b' },
      { ...named.thread, externalId: undefined },
      moved.thread,
      { ...own.thread, id: newId() },
      { ...own.thread, id: 'no-uuid' },
    ]) {
      const refused = { kind: 'thread_moved' };
      assert.deepEqual(await user.ask('two', { thread: forkOf(thread, []) }), refused);
    }
    assert.equal((await store.listThreads({ limit: 10 })).threads.length, count);
    assert.deepEqual(await store.thread(own.thread.id), own.thread);
    assert.deepEqual(await store.thread(named.thread.id), named.thread);
  });

  for (const thread of [externalOf('a', 'chat'), newOf('a')]) {
    test(`of forks at the same time one replaces the thread, and the others are refused: ${thread.kind}`, async () => {
      await using user = await freshStore(kind);
      const old = await user.accept('one', { thread });
      const results = await Promise.all(
        Array.from({ length: 5 }, (_, n) => user.ask(`m${n}`, { thread: forkOf(old.thread, []) })),
      );
      const accepted = results.filter((each): each is AcceptedRun => each.kind === 'accepted');
      assert.equal(accepted.length, 1);
      assert.ok(results.every(({ kind: each }) => each === 'accepted' || each === 'thread_moved'));
      assert.equal((await user.store.listThreads({ limit: 10 })).threads.length, 2);
    });

    test(`the same fork with its key, also at the same time, is one run: ${thread.kind}`, async () => {
      await using user = await freshStore(kind);
      let old = (await user.accept('one', { thread })).thread;
      for (const key of ['a', 'b', 'c', 'd']) {
        const request = { thread: forkOf(old, []), idempotency: keyOf(key) };
        const results = await Promise.all(
          Array.from({ length: 4 }, () => user.ask('uno', request)),
        );
        results.push(await user.ask('uno', request));
        const accepted = results.find((each): each is AcceptedRun => each.kind === 'accepted');
        assert.ok(accepted);
        const existing = { kind: 'existing', runId: accepted.runId };
        for (const each of results) if (each !== accepted) assert.deepEqual(each, existing);
        const superseded = await user.store.thread(old.id);
        assert.equal(superseded && supersededBy(superseded), accepted.thread.id);
        old = accepted.thread;
      }
    });
  }

  test('of several threads that another writer left the newest counts, and a fork replaces all of them', async () => {
    await using user = await freshStore(kind);
    const { store, url } = user;
    const threads: Thread[] = [];
    for (const externalId of ['x', 'y', 'z']) {
      await untilClockTicks();
      threads.push((await store.openThread({ contactId: 'a', externalId })).thread);
    }
    await execute(kind, url, "update threads set external_id = 'chat'");
    const newest = threads[2];
    assert.ok(newest);
    assert.equal((await store.threadByExternalId('a', 'chat'))?.id, newest.id);
    const again = await user.accept('one', { thread: externalOf('a', 'chat') });
    assert.equal(again.thread.id, newest.id);
    const fork = await user.accept('uno', { thread: forkOf(again.thread, []) });
    assert.deepEqual(await externalIds(store), [fork.thread.id]);
  });

  test('events are appended only while nothing runs, when the caller wants that', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const own = { kind: 'thread', threadId: thread.id } as const;
    const whenIdle = { whenIdle: true };
    await store.appendEvents(thread.id, [question('before')], whenIdle);
    const run = await user.accept('one', { thread: own });
    const later = [question('later'), answer('ok')];
    await assert.rejects(store.appendEvents(thread.id, later, whenIdle), { code: 'thread_busy' });
    await user.finish(run, ['1']);
    await store.appendEvents(thread.id, later, whenIdle);
    assert.deepEqual(await conversation(store, thread.id), ['before', 'one', '1', 'later', 'ok']);
    assert.deepEqual(await store.appendEvents(thread.id, [], whenIdle), []);
  });
});

function externalOf(contactId: string, externalId: string): RunThread & { kind: 'external' } {
  return { kind: 'external', contactId, externalId, threadConfig: {}, events: [] };
}

function newOf(contactId: string): RunThread & { kind: 'new' } {
  return { kind: 'new', contactId, threadConfig: {}, events: [] };
}

function forkOf(
  { id, contactId = '', externalId }: Thread,
  events: (RunThread & { kind: 'new' })['events'],
): RunThread {
  const named = externalId === undefined ? {} : { externalId };
  return { kind: 'new', contactId, ...named, replaces: id, threadConfig: {}, events };
}

/** Ids of the threads that have the external id `chat`. */
async function externalIds(store: Store): Promise<readonly string[]> {
  return (await store.listThreads({ externalId: 'chat', limit: 10 })).threads.map(({ id }) => id);
}

async function execute({ name }: StoreUnderTest, url: string, sql: string): Promise<void> {
  if (name === 'postgres') {
    await withClient(url, (client) => client.query(sql));
    return;
  }
  const db = new DatabaseSync(url.slice('sqlite:///'.length));
  db.exec(sql);
  db.close();
}
