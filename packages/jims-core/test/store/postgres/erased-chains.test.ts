import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { openStore } from '../../../src/store/open-store.ts';
import { DURABLE, OPEN, TO_SERVICE, ask, entryOf } from '../../support/durable-runs.ts';
import { emptiedDatabase } from '../../support/emptied-database.ts';
import { withClient } from '../../support/postgres.ts';
import { latestOf, storeUser } from '../../support/store-user.ts';

const RACES = 20;

test('nothing is left of the chains of a thread that is erased', async () => {
  await using database = await emptiedDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  const first = await user.accept('Hello', DURABLE);
  await store.storeEntries(user.owner(first), [entryOf(first, 0)]);
  await ask(user, first, {}, 1);
  const second = await user.accept('Yes', OPEN);
  await store.storeEntries(user.owner(second), [entryOf(second, 2)]);
  await user.accept('waits', DURABLE);
  await user.finish(second);
  const other = await user.accept('another', { ...DURABLE, thread: latestOf('another') });
  await ask(user, other, TO_SERVICE);
  assert.deepEqual(await rowsIn(database.url), { entries: 4, questions: 2 });
  await store.deleteThreads({ threadId: first.thread.id });
  assert.deepEqual(await rowsIn(database.url), { entries: 1, questions: 1 });
});

test('a process that stores results while their thread is erased leaves none', async () => {
  await using database = await emptiedDatabase();
  await using store = await openStore(database.url);
  const user = await storeUser(store);
  for (let race = 0; race < RACES; race++) {
    const run = await user.accept('Hello', { ...DURABLE, thread: latestOf(`customer:${race}`) });
    let stored = 0;
    const writing = (async () => {
      const storeNext = (): Promise<string> =>
        store.storeEntries(user.owner(run), [entryOf(run, stored)]);
      while ((await storeNext()) === 'stored') stored++;
    })();
    await sleep(race % 4);
    await store.deleteThreads({ threadId: run.thread.id });
    await writing;
  }
  assert.deepEqual(await rowsIn(database.url), { entries: 0, questions: 0 });
});

async function rowsIn(url: string): Promise<object | undefined> {
  const { rows } = await withClient(url, (client) =>
    client.query<object>(
      `select (select count(*)::integer from jims.journal) as entries,
              (select count(*)::integer from jims.questions) as questions`,
    ),
  );
  return rows[0];
}
