import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from '../../src/app/app.ts';
import { openStore } from '../../src/store/open-store.ts';
import { question } from '../support/store-user.ts';
import { describeStores } from '../support/stores.ts';

const LEASE_MS = 3000;

describeStores((kind) => {
  test('a process that stood still for longer than its lease does not clear up after itself', async (t) => {
    await using database = await kind.fresh();
    const store = await openStore(database.url);
    const end = Promise.withResolvers<void>();
    const app = defineApp({
      store,
      async pipeline(ctx) {
        await end.promise;
        ctx.sendMessage('answered');
      },
    });
    // It looks for the runs of dead processes as early as it ever does: before its next beat is due.
    t.mock.method(Math, 'random', () => 0);
    await app.open({ limits: { leaseMs: LEASE_MS } });
    const { thread } = await app.threads.ensure({ contactId: randomUUID() });
    const run = await app.runs.start({
      thread: { kind: 'thread', threadId: thread.id },
      incoming: question('asked'),
    });

    await sleep(LEASE_MS * 0.4);
    standStill(LEASE_MS * 1.1);
    // Whatever was due has begun, and what it asks of the store comes before this.
    await sleep(500);
    end.resolve();
    assert.equal((await run.end).type, 'result');
    await app.close(0);
  });
});

/** Nothing happens in this thread. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
