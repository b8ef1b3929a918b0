import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { newEvent } from '../../src/index.ts';
import {
  eventsOf,
  freshStore,
  latestOf,
  threadsOf,
  untilClockTicks,
} from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('a thread that is made is found by its id, its external id and its contact', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const spec = {
      contactId: 'customer:1',
      externalId: 'chat 17',
      threadConfig: { z: 1, nested: { list: [null, true, 1.5, 'ü👋'] } },
    };
    const { thread, created } = await store.openThread(spec);
    assert.equal(created, true);
    assert.equal(thread.contactId, spec.contactId);
    assert.equal(thread.externalId, spec.externalId);
    assert.deepEqual(thread.config, spec.threadConfig);
    assert.match(thread.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.ok(Math.abs(Date.parse(thread.createdAt) - Date.now()) < 3_600_000, 'it is UTC');
    assert.deepEqual(await store.thread(thread.id), thread);
    assert.deepEqual(await store.threadByExternalId('customer:1', 'chat 17'), thread);
    assert.deepEqual(await store.latestThread('customer:1'), thread);
    const [first, ...more] = await eventsOf(store, thread.id);
    assert.equal(first?.type, 'jims.lifecycle.thread_created');
    assert.deepEqual(more, []);
  });

  test('a thread is made with its first events, or not at all', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const [one, two] = ['one', 'two'].map((text) => newEvent('comm.user_message', { text }));
    assert.ok(one && two);
    await assert.rejects(store.openThread({ contactId: 'a', events: [one, two, one] }));
    assert.equal(await store.latestThread('a'), undefined);
    const spec = { contactId: 'a', externalId: 'x', events: [one, two] };
    const { thread } = await store.openThread(spec);
    assert.equal((await store.openThread(spec)).created, false);
    const [, ...events] = await eventsOf(store, thread.id);
    assert.deepEqual(
      events.map(({ id, data }) => ({ id, data })),
      [one, two].map(({ id, data }) => ({ id, data })),
    );
  });

  test('a thread that does not exist is not found', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    assert.equal(await store.thread(randomUUID()), undefined);
    assert.equal(await store.thread('no-uuid'), undefined);
    assert.equal(await store.threadByExternalId('customer:1', 'nothing'), undefined);
    assert.equal(await store.latestThread('nobody'), undefined);
    assert.equal(await store.updateThreadConfig(randomUUID(), {}), undefined);
    assert.equal(await store.updateThreadConfig('no-uuid', {}), undefined);
    assert.equal(await store.mergeThreadConfig(randomUUID(), {}), undefined);
    assert.equal(await store.mergeThreadConfig('no-uuid', {}), undefined);
    assert.deepEqual(await eventsOf(store, randomUUID()), []);
    assert.deepEqual(await eventsOf(store, 'no-uuid'), []);
  });

  test('a thread of an id or an external id is made once, and keeps its first config', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const threadId = randomUUID();
    const first = await store.openThread({ contactId: 'a', threadId, threadConfig: { n: 1 } });
    const again = await store.openThread({ contactId: 'b', threadId, threadConfig: { n: 2 } });
    assert.equal(first.thread.id, threadId);
    assert.deepEqual(again, { thread: first.thread, created: false });

    const named = await store.openThread({ contactId: 'a', externalId: 'x' });
    const byName = await store.openThread({ contactId: 'a', externalId: 'x' });
    assert.deepEqual(byName, { thread: named.thread, created: false });
    const both = await store.openThread({
      contactId: 'a',
      externalId: 'x',
      threadId: randomUUID(),
    });
    assert.deepEqual(both, { thread: named.thread, created: false });
    assert.equal((await eventsOf(store, named.thread.id)).length, 1);
  });

  test('many callers that open the same thread at the same time get one', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const threadId = randomUUID();
    for (const spec of [{ externalId: 'x' }, { threadId }]) {
      const opened = await Promise.all(
        Array.from({ length: 10 }, () => store.openThread({ contactId: 'a', ...spec })),
      );
      assert.equal(new Set(opened.map(({ thread }) => thread.id)).size, 1);
      assert.equal(opened.filter(({ created }) => created).length, 1);
    }
    assert.equal((await threadsOf(store, { limit: 10 })).length, 2);
  });

  test('a thread without an id is always another one; the latest is the last made', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      await untilClockTicks();
      ids.push((await store.openThread({ contactId: 'a' })).thread.id);
    }
    await store.openThread({ contactId: 'b' });
    assert.equal(new Set(ids).size, 3);
    assert.equal((await store.latestThread('a'))?.id, ids.at(-1));
  });

  test('a config is replaced as a whole', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a', threadConfig: { a: 1, b: 2 } });
    const changed = await store.updateThreadConfig(thread.id, { b: 3 });
    assert.deepEqual(changed, { ...thread, config: { b: 3 } });
    assert.deepEqual(await store.thread(thread.id), changed);
  });

  test('members of a config are set and removed, and keep what others set meanwhile', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const threadConfig = { a: 1, b: { c: 2 }, 'd"\\}': 3, e: null };
    const { thread } = await store.openThread({ contactId: 'a', threadConfig });
    const changed = await store.mergeThreadConfig(thread.id, { b: [4], 'd"\\}': null, none: null });
    assert.deepEqual(changed, { ...thread, config: { a: 1, b: [4], e: null } });
    const names = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await Promise.all(names.map((name) => store.mergeThreadConfig(thread.id, { [name]: 5 })));
    const { config = {} } = (await store.thread(thread.id)) ?? {};
    const own = { a: 1, b: [4], e: null, ...Object.fromEntries(names.map((name) => [name, 5])) };
    assert.deepEqual(config, own);
    await store.mergeThreadConfig(thread.id, { c: 1, d: 2 }, 'in "it"');
    await Promise.all([
      store.mergeThreadConfig(thread.id, { c: null, f: 3 }, 'in "it"'),
      store.mergeThreadConfig(thread.id, { g: 4 }, 'in "it"'),
      store.mergeThreadConfig(thread.id, { h: 5, none: null }, 'b'),
    ]);
    const merged = { ...own, b: { h: 5 }, 'in "it"': { d: 2, f: 3, g: 4 } };
    assert.deepEqual((await store.thread(thread.id))?.config, merged);
    assert.equal(await store.mergeThreadConfig(randomUUID(), {}, 'b'), undefined);
  });

  test('a contact may be named by any string', async () => {
    await using user = await freshStore(kind);
    for (const contactId of ['', "o'Neill; --", '\\u0000', 'Привет 👋', 'x'.repeat(1000)]) {
      const run = await user.accept('Hello', { thread: latestOf(contactId) });
      assert.equal(run.createdThread, true);
      assert.equal((await user.store.latestThread(contactId))?.contactId, contactId);
    }
  });

  test('a store says where it is, and that it answers', async () => {
    await using user = await freshStore(kind);
    assert.match(user.store.description, kind.name === 'sqlite' ? /^SQLite / : /^PostgreSQL /);
    assert.equal(user.store.shared, kind.name === 'postgres');
    await user.store.ping();
  });

  test('a store may be closed twice', async () => {
    await using user = await freshStore(kind);
    await user.store.close();
    await user.store.close();
  });
});
