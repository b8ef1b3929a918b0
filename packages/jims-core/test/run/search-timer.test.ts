import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { defineApp } from '../../src/app/app.ts';
import { SearchTimer } from '../../src/run/search-timer.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { eventually } from '../support/eventually.ts';
import { freshSqlite } from '../support/sqlite.ts';

test('what was said is indexed soon, without a search', async () => {
  using file = freshSqlite();
  await using app = defineApp({ pipeline: (ctx) => ctx.sendMessage('Echo'), store: file.url });
  await app.open();
  using db = new DatabaseSync(file.path);
  const indexed = db.prepare('SELECT count(*) AS n FROM jims_searched');
  const run = await app.runs.start({ contactId: 'a', message: 'Hello' });
  await run.end;
  await eventually(() => indexed.get()?.['n'] === 2);
});

test('it goes on piece by piece, after a failure, too, until it is closed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let calls = 0;
  const answers = [true, true, false, new Error('The disk is full'), false, true];
  const store = {
    indexMessages: async (): Promise<boolean> => {
      const answer = answers[calls++];
      if (answer instanceof Error) throw answer;
      return answer ?? true;
    },
  };
  const timer = new SearchTimer({ store, logger: silentLogger });
  const expectCalls = async (count: number): Promise<void> => {
    timer.soon();
    timer.soon();
    t.mock.timers.tick(1000);
    await eventually(() => calls >= count);
    await setImmediate();
    assert.equal(calls, count);
  };
  for (const count of [3, 4, 5]) await expectCalls(count);
  timer.close();
  await expectCalls(5);
});
