import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from '../../src/index.ts';
import type { OpenOptions } from '../../src/index.ts';
import { freshSqlite } from '../support/sqlite.ts';

test('a limit that cannot work is refused when the app is opened, and undefined means its default', async () => {
  using database = freshSqlite();
  const app = defineApp({
    store: database.url,
    async pipeline(ctx) {
      await ctx.step('slow', () => sleep(20), { timeoutMs: Infinity });
      ctx.sendMessage('done');
    },
  });
  const refused: OpenOptions[] = [
    { limits: { timeoutMs: Infinity } },
    { limits: { timeoutMs: 0 } },
    { limits: { maxRuns: Number.NaN } },
    { limits: { queueLimit: -1 } },
    { limits: { questionTtlMs: 1e15 } },
    { fileLimits: { maxFileBytes: Number.NaN } },
  ];
  for (const options of refused) await assert.rejects(app.open(options), { code: 'app_invalid' });
  const byDefault: object = { timeoutMs: undefined, maxThreadSize: undefined };
  await app.open({ limits: { ...byDefault, queueLimit: 0, maxRuns: Infinity } });
  const run = await app.runs.start({ contactId: 'ann', message: 'Hi' });
  // Waits for it, however long that takes.
  const closed = app.close(Infinity);
  assert.equal((await run.end).type, 'result');
  await closed;
});
