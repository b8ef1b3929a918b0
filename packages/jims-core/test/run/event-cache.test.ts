import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventCache } from '../../src/run/event-cache.ts';
import { openStore } from '../../src/store/open-store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { Thread } from '../../src/thread/thread.ts';
import { freshSqlite } from '../support/sqlite.ts';

const TEXT = 'x'.repeat(1000);
/** Enough for the events of two such threads, not for those of three. */
const ROOM_FOR_TWO = 6000;
const TURNS = 100;

test('threads that are talked in by turns do not push each other out', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const threads: Thread[] = [];
  for (const contactId of ['a', 'b', 'c']) {
    const { thread } = await store.openThread({ contactId });
    await store.appendEvents(thread.id, [newEvent('comm.user_message', { content: TEXT })]);
    threads.push(thread);
  }
  const cache = new EventCache(store, { maxBytes: ROOM_FOR_TWO, maxThreadSize: 1e6 });
  let found = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    for (const thread of threads) {
      if (cache.known({ kind: 'thread', threadId: thread.id })) found++;
      const types = (await cache.load(thread)).events.map((event) => event.type);
      assert.deepEqual(types, ['jims.lifecycle.thread_created', 'comm.user_message']);
    }
  }
  assert.ok(found > TURNS / 2, `${found} of ${TURNS * threads.length} were found`);
});

test('a thread counts with all that it holds, also its config and what is nested in events', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const long = { parts: [{ text: 'x'.repeat(10_000) }] };
  for (const kind of ['config', 'event']) {
    const cache = new EventCache(store, { maxBytes: 50_000, maxThreadSize: 1e6 });
    const threads: Thread[] = [];
    for (let i = 0; i < 10; i++) {
      const contactId = `${kind} ${i}`;
      const config = kind === 'config' ? long : {};
      const { thread } = await store.openThread({ contactId, threadConfig: config });
      if (kind === 'event') await store.appendEvents(thread.id, [newEvent('rag.found', long)]);
      threads.push(thread);
      await cache.load(thread);
    }
    const kept = threads.filter(({ id }) => cache.known({ kind: 'thread', threadId: id }));
    assert.equal(kept.length, 2, kind);
  }
});

test('a thread that grows beyond what is loaded is as it would be if it were read anew', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { thread } = await store.openThread({ contactId: 'a' });
  const options = { maxBytes: 1e8, maxThreadSize: 20_000 };
  const warm = new EventCache(store, options);
  for (let n = 0; n < 40; n++) {
    const added = [newEvent('comm.user_message', { content: TEXT, n })];
    if (n % 5 === 0) added.push(newEvent(`state.set.${n % 2 === 0 ? 'even' : 'odd'}`, { n }));
    if (n === 1) added.push(newEvent('state.set.once', { n }));
    await store.appendEvents(thread.id, added);
    const [kept, anew] = [
      await warm.load(thread),
      await new EventCache(store, options).load(thread),
    ];
    assert.equal(kept.isCut, anew.isCut);
    if (n <= 10 || n >= 20) assert.equal(kept.isCut, n >= 20);
    for (const name of ['even', 'odd', 'once']) {
      const isIt = ({ type }: { readonly type: string }): boolean => type === `state.set.${name}`;
      assert.deepEqual(kept.findLast(isIt), anew.findLast(isIt), `${name} after ${n}`);
    }
    const said = (log: typeof kept): readonly unknown[] =>
      log.events.filter(({ type }) => type.startsWith('comm.')).map(({ data }) => data['n']);
    assert.deepEqual(said(kept), said(anew));
    assert.deepEqual(kept.events, [...kept.backwards()].toReversed());
  }
  assert.ok(warm.known({ kind: 'thread', threadId: thread.id }));
});

test('a log that was given away stays as it was when its thread goes on', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { thread } = await store.openThread({ contactId: 'a' });
  const cache = new EventCache(store, { maxBytes: 1e8, maxThreadSize: 5000 });
  await store.appendEvents(thread.id, [newEvent('comm.user_message', { content: TEXT })]);
  const log = await cache.load(thread);
  const before = log.events.map(({ id }) => id);
  for (let n = 0; n < 20; n++) {
    await store.appendEvents(thread.id, [newEvent('comm.user_message', { content: TEXT })]);
    await cache.load(thread);
  }
  assert.deepEqual([...log.backwards()].map(({ id }) => id).toReversed(), before);
});

test('when more has come than is loaded, what was kept is not taken for what is before it', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { thread } = await store.openThread({ contactId: 'a' });
  const cache = new EventCache(store, { maxBytes: 1e8, maxThreadSize: 5000 });
  await store.appendEvents(thread.id, [newEvent('state.set.name', { n: 1 })]);
  await cache.load(thread);
  const many = Array.from({ length: 10 }, (_, n) => newEvent('comm.x', { content: TEXT, n }));
  await store.appendEvents(thread.id, many);
  const log = await cache.load(thread);
  assert.ok(log.isCut);
  const kept = log.events.map(({ type, data }) => [type, data['n']]);
  assert.deepEqual(kept, [['state.set.name', 1], ...[6, 7, 8, 9].map((n) => ['comm.x', n])]);
});

test('what is deleted while it is read is not kept', async () => {
  using file = freshSqlite();
  await using store = await openStore(file.url);
  const { thread } = await store.openThread({ contactId: 'a' });
  const cache = new EventCache(store, { maxBytes: 1e8, maxThreadSize: 1e6 });
  const reading = cache.load(thread);
  cache.drop(thread.id);
  await reading;
  assert.equal(cache.known({ kind: 'thread', threadId: thread.id }), undefined);
});
