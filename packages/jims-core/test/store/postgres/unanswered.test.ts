import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Database } from '../../../src/store/postgres/database.ts';
import { UnansweredRequests } from '../../../src/store/postgres/unanswered.ts';
import type { AcceptRequest } from '../../../src/store/store.ts';
import { question } from '../../support/store-user.ts';

const REQUEST: AcceptRequest = {
  runId: crypto.randomUUID(),
  instanceId: crypto.randomUUID(),
  thread: { kind: 'latest', contactId: 'customer', threadConfig: {} },
  incoming: question('Hello'),
  holdIncomingOnNewThread: false,
  onBusy: 'queue',
  queueLimit: 1,
};

test('a request is not looked for in a store that was closed during the last look', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const looks: PromiseWithResolvers<never>[] = [];
  const db = {
    call() {
      const look = Promise.withResolvers<never>();
      looks.push(look);
      return look.promise;
    },
  };
  const unanswered = new UnansweredRequests(db as unknown as Database);
  unanswered.add(REQUEST);
  t.mock.timers.tick(60_000);
  assert.equal(looks.length, 1);
  unanswered.close();
  looks[0]?.reject(new Error('Cannot use a pool after calling end on the pool'));
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  t.mock.timers.tick(600_000);
  unanswered.add(REQUEST);
  t.mock.timers.tick(600_000);
  assert.equal(looks.length, 1);
});
