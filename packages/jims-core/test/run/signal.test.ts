import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { defineApp } from 'jims-core';

import { freshSqlite } from '../support/sqlite.ts';

test('a signal that outlives its runs does not hold them', async () => {
  using file = freshSqlite();
  await using app = defineApp({ pipeline: (ctx) => ctx.sendMessage('Hi'), store: file.url });
  const thread = await app.threads.getOrCreate({ contactId: 'c' });
  const { signal } = new AbortController();
  await thread.run(
    () => assert.equal(getEventListeners(signal, 'abort').length, 1, 'it can stop the run'),
    { signal },
  );
  await assert.rejects(
    thread.run(
      () => {
        throw new Error('broken');
      },
      { signal },
    ),
  );
  // The run is over for its caller a moment before it is for the engine.
  await app.close(1000);
  assert.deepEqual(getEventListeners(signal, 'abort'), []);
});
