import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { isJimsError } from '../../src/errors/jims-error.ts';
import { openStore } from '../../src/store/open-store.ts';
import { withClient } from '../support/postgres.ts';
import { conversation, freshStore, latestOf, storeUser } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('a database is opened again with all that it had', async () => {
    await using user = await freshStore(kind);
    const run = await user.accept('Hello');
    await user.finish(run, ['1']);
    await user.store.close();
    await using again = await openStore(user.url);
    assert.deepEqual(await conversation(again, run.thread.id), ['Hello', '1']);
    const next = await (await storeUser(again)).accept('and then?');
    assert.equal(next.thread.id, run.thread.id);
  });

  test('several processes may open a new database at the same time', async () => {
    await using database = await kind.bare();
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(database.url)));
    for (const [index, store] of stores.entries()) {
      const user = await storeUser(store);
      assert.equal(
        (await user.accept('Hello', { thread: latestOf(`contact ${index}`) })).status,
        'running',
      );
    }
    assert.equal((await stores[0]?.listThreads({ limit: 10 }))?.threads.length, 5);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('a database of a newer version is refused, and says what to do', async () => {
    await using database = await kind.fresh();
    await (await openStore(database.url)).close();
    await markNewer(kind.name, database.url);
    await assert.rejects(
      openStore(database.url),
      (error) =>
        isJimsError(error) &&
        error.code === 'store_invalid' &&
        /newer jims-core.*update jims-core/.test(error.message),
    );
  });
});

async function markNewer(kind: 'sqlite' | 'postgres', url: string): Promise<void> {
  if (kind === 'postgres') {
    await withClient(url, (client) =>
      client.query('INSERT INTO jims.migrations (version) VALUES (999)'),
    );
    return;
  }
  const db = new DatabaseSync(url.replace('sqlite:///', ''));
  db.exec('INSERT INTO jims_migrations (version) VALUES (999)');
  db.close();
}
