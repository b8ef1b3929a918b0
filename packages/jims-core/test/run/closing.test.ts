import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';

import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('an app may be closed twice, also at once', async () => {
    await using database = await kind.fresh();
    const app = defineApp({ pipeline: (ctx) => ctx.sendMessage('Hi'), store: database.url });
    const thread = await app.newThread({ contactId: 'c' });
    const running = thread.run((ctx) => ctx.sendMessage('done'));
    await Promise.all([app.close(5000), app.close()]);
    assert.equal((await running).length, 1);
    await app.close();
    await assert.rejects(
      thread.run(() => {}),
      { code: 'shutting_down' },
    );
  });

  test('an app that was never opened is closed', async () => {
    await using database = await kind.fresh();
    await defineApp({ pipeline: () => {}, store: database.url }).close();
  });
});
