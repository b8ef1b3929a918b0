// What happens in threads is noted, and brought into lists by their readers: none of it may be missing there.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openStore } from '../../../src/store/open-store.ts';
import { newEvent } from '../../../src/thread/event.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';

const ROUNDS = 100;

test('a list has all that was committed before, whichever process wrote or listed it', async () => {
  await using database = await emptiedDatabase();
  await using one = await openStore(database.url);
  await using two = await openStore(database.url);
  const stores = [one, two];
  const isOver = new AbortController();
  // Others that read, and the upkeep, bring in what this test wrote at any moment.
  const others = stores.map(async (store) => {
    while (!isOver.signal.aborted) {
      await store.listThreads({ limit: 3 });
      await store.indexMessages();
    }
  });
  try {
    await Promise.all(
      Array.from({ length: 4 }, async (_, writer) => {
        const contactId = `contact ${writer}`;
        const threads = await Promise.all([0, 1, 2].map(() => one.openThread({ contactId })));
        for (let round = 0; round < ROUNDS; round++) {
          const id = threads[round % 3]?.thread.id ?? '';
          const said = newEvent('comm.user_message', { role: 'user', content: `round ${round}` });
          await stores[round % 2]?.appendEvents(id, [said]);
          const reader = stores[(round >> 1) % 2];
          const [first] = (await reader?.listThreads({ contactId, limit: 1 }))?.threads ?? [];
          assert.equal(first?.id, id);
          assert.equal(first.lastMessage?.excerpt, `round ${round}`);
        }
      }),
    );
  } finally {
    isOver.abort();
    await Promise.all(others);
  }
});
