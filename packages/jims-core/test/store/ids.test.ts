// SQLite takes text for a number where a column's type lets it: an id must stay what it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventsOf, freshStore } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const NUMBER_LIKE = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-000000000002',
  '00000000-0000-0000-0000-000000000003',
  '01993456-e234-7123-8123-456789012345',
  '01993456-1234-7123-81e3-456789012345',
];

describeStores((kind) => {
  test('thread ids of digits alone are not taken for numbers', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    for (const threadId of NUMBER_LIKE) {
      const { thread, created } = await store.openThread({ contactId: threadId, threadId });
      assert.equal(created, true, threadId);
      assert.equal(thread.id, threadId);
    }
    for (const threadId of NUMBER_LIKE) {
      const thread = await store.thread(threadId);
      assert.equal(thread?.id, threadId);
      assert.equal(thread.contactId, threadId);
    }
  });

  test('event ids of digits alone are not taken for numbers', async () => {
    await using user = await freshStore(kind);
    const { store } = user;
    const { thread } = await store.openThread({ contactId: 'a' });
    await store.appendEvents(
      thread.id,
      NUMBER_LIKE.map((id) => ({ id, type: 'rag.x', data: {} })),
    );
    const events = await eventsOf(store, thread.id);
    assert.deepEqual(
      events.filter(({ type }) => type === 'rag.x').map(({ id }) => id),
      NUMBER_LIKE,
    );
  });
});
