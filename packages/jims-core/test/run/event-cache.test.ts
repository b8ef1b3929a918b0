import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createEventCache } from '../../src/run/event-cache.ts';
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
  const cache = createEventCache(store, { maxBytes: ROOM_FOR_TWO, maxThreadSize: 1e6 });
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
    const cache = createEventCache(store, { maxBytes: 50_000, maxThreadSize: 1e6 });
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
