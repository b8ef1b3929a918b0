import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp, newEvent } from 'jims-core';
import type { JimsApp, Run } from 'jims-core';

import { describeStores } from '../support/stores.ts';

describeStores(({ fresh }) => {
  test('the active run of a thread is the one that runs, until it is over', async () => {
    await using database = await fresh();
    const gates: PromiseWithResolvers<void>[] = [];
    await using app = defineApp({
      store: database.url,
      async pipeline() {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        await gate.promise;
      },
    });
    const first = await say(app, 'first');
    const second = await say(app, 'second');
    const threadId = first.thread.id;
    assert.equal(second.thread.id, threadId);

    const active = await app.runs.active(threadId);
    assert.equal(active?.id, first.id);
    await openNext(gates);
    const end = await active.end;
    assert.equal(end.type, 'result');
    assert.equal((await app.runs.active(threadId))?.id, second.id);
    await openNext(gates);
    await second.end;
    assert.equal(await app.runs.active(threadId), undefined);
  });

  test('an unknown thread, or an id that is not valid, has no active run', async () => {
    await using database = await fresh();
    await using app = defineApp({ store: database.url, pipeline() {} });
    assert.equal(await app.runs.active(crypto.randomUUID()), undefined);
    assert.equal(await app.runs.active('no uuid'), undefined);
  });
});

function say(app: JimsApp, content: string): Promise<Run> {
  return app.runs.start({
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: newEvent('comm.user_message', { role: 'user', content }),
  });
}

/** Lets the oldest pipeline that waits go on. */
async function openNext(gates: PromiseWithResolvers<void>[]): Promise<void> {
  for (;;) {
    const gate = gates.shift();
    if (gate) return gate.resolve();
    await new Promise(setImmediate);
  }
}
