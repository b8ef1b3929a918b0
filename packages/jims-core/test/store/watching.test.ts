import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { threadFeed } from '../../src/app/thread-feed.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/eventually.ts';
import { answer, freshStore, question, storeUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('a watcher of a thread is woken by all that this process does to it', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'customer:1' });
    let woken = 0;
    const unwatch = store.watchThread(thread.id, () => woken++);
    for (const act of [
      () => store.appendEvents(thread.id, [answer('outside a run')]),
      async () => user.finish(await user.accept('one'), ['1']),
      () => store.deleteThreads({ threadId: thread.id }),
    ]) {
      const before = woken;
      await act();
      assert.ok(woken > before, String(act));
    }
    unwatch();
    const before = woken;
    await sleep(600);
    assert.equal(woken, before);
  });

  test('a watcher of a thread is woken by what other processes do to it', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'customer:1' });
    await using other = await openStore(user.url);
    let woken = 0;
    const unwatch = store.watchThread(thread.id, () => woken++);
    // The first look finds out where the thread ends.
    await sleep(1100);
    for (const act of [
      () => other.appendEvents(thread.id, [answer('by another process')]),
      () => other.deleteThreads({ threadId: thread.id }),
    ]) {
      const before = woken;
      await act();
      await eventually(() => woken > before);
    }
    unwatch();
  });

  test('a tail gets what is there and what comes, from any process, and ends with its thread', async () => {
    await using user = await freshStore(kind);
    await using other = await openStore(user.url);
    const another = await storeUser(other);
    const { thread } = await user.store.openThread({ contactId: 'customer:1' });
    await user.store.appendEvents(thread.id, [question('before')]);
    const signal = new AbortController().signal;
    const seen: string[] = [];
    const read = (async () => {
      const options = { signal, domains: ['comm'] };
      for await (const { data } of threadFeed(user.store, thread.id, options)) {
        seen.push(String(data['content']));
      }
    })();
    await eventually(() => seen.length === 1);
    await user.finish(await user.accept('mine'), ['answered here']);
    await another.finish(await another.accept('theirs'), ['answered there']);
    await eventually(() => seen.length === 5);
    await other.deleteThreads({ threadId: thread.id });
    await read;
    assert.deepEqual(seen, ['before', 'mine', 'answered here', 'theirs', 'answered there']);
  });

  test('tails of threads in which nothing happens read nothing', async () => {
    await using user = await freshStore(kind);
    const reads = { count: 0 };
    const store = counting(user.store, reads);
    const gone = new AbortController();
    const tails: Promise<void>[] = [];
    for (let n = 0; n < 20; n++) {
      const { thread } = await user.store.openThread({ contactId: `customer:${n}` });
      tails.push(drain(threadFeed(store, thread.id, { signal: gone.signal })));
    }
    // A store may wake each once, when it first looks.
    await sleep(1100);
    const before = reads.count;
    assert.ok(before >= 20);
    await sleep(1100);
    assert.equal(reads.count, before);
    gone.abort();
    await Promise.all(tails);
  });
});

function counting(
  store: Store,
  reads: { count: number },
): Pick<Store, 'pageEvents' | 'thread' | 'watchThread'> {
  return {
    pageEvents(threadId, page) {
      reads.count++;
      return store.pageEvents(threadId, page);
    },
    thread(threadId) {
      reads.count++;
      return store.thread(threadId);
    },
    watchThread: (threadId, wake) => store.watchThread(threadId, wake),
  };
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}
