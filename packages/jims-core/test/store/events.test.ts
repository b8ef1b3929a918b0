import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { isJimsError } from '../../src/errors/jims-error.ts';
import { newEvent } from '../../src/thread/event.ts';
import { answer, eventsOf, freshStore, question, texts } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('events are appended in the order given, each later than the one before', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const added = [question('1'), newEvent('rag.query', { a: 1 }), answer('2')];
    const appended = await store.appendEvents(thread.id, added);
    assert.deepEqual(
      appended.map(({ id, type, data }) => ({ id, type, data })),
      added,
    );
    await store.appendEvents(
      thread.id,
      Array.from({ length: 50 }, (_, n) => answer(String(n))),
    );
    const log = await eventsOf(store, thread.id);
    assert.deepEqual(log.slice(1, 4), appended);
    assert.equal(log.length, 54);
    const times = log.map((event) => event.createdAt);
    assert.deepEqual(times, [...new Set(times)].toSorted());
    for (const event of log) {
      assert.equal(event.threadId, thread.id);
      assert.match(event.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    }
  });

  test('appends at the same time do not mix, and all are kept', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.appendEvents(thread.id, [answer(`${n} a`), answer(`${n} b`)]),
      ),
    );
    const said = texts(await eventsOf(store, thread.id));
    assert.equal(new Set(said).size, 40);
    for (let at = 0; at < said.length; at += 2) {
      assert.equal(said[at]?.replace(' a', ' b'), said[at + 1]);
    }
  });

  test('data comes back as it was: order of members, numbers, any string', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const data = {
      z: 1,
      a: [
        1.5,
        -0.1,
        1e21,
        9007199254740991,
        null,
        true,
        { 'Привет 👋': 'ü\\u0000 \\ " \n \u2028' },
      ],
      ['__proto__']: { polluted: true },
      empty: {},
      lone: '\ud800',
    };
    const event = newEvent('rag.everything', data);
    await store.appendEvents(thread.id, [event]);
    const [, read] = await eventsOf(store, thread.id);
    assert.equal(JSON.stringify(read?.data), JSON.stringify(event.data));
  });

  test('an empty append changes nothing', async () => {
    await using user = await freshStore(kind);
    const { thread } = await user.store.openThread({ contactId: 'a' });
    assert.deepEqual(await user.store.appendEvents(thread.id, []), []);
    assert.equal((await eventsOf(user.store, thread.id)).length, 1);
  });

  test('a reader goes on where it stopped', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    await store.appendEvents(thread.id, [question('1'), answer('2'), answer('3')]);
    const log = await eventsOf(store, thread.id);
    for (const [index, event] of log.entries()) {
      assert.deepEqual(await eventsOf(store, thread.id, event), log.slice(index + 1));
    }
  });

  test('when one event cannot be appended, nothing is', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    const twice = answer('twice');
    await assert.rejects(
      store.appendEvents(thread.id, [answer('before'), twice, twice]),
      // It is the caller's fault: trying again would not help.
      (error) => isJimsError(error) && error.code === 'invalid_event',
    );
    assert.equal((await eventsOf(store, thread.id)).length, 1);
  });

  test('a thread that does not exist has no events', async () => {
    await using user = await freshStore(kind);
    for (const threadId of [randomUUID(), 'no-uuid']) {
      await assert.rejects(
        user.store.appendEvents(threadId, [answer('to nobody')]),
        (error) => isJimsError(error) && error.code === 'thread_not_found',
      );
      assert.deepEqual(await eventsOf(user.store, threadId), []);
    }
  });
});
