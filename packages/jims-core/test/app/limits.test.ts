// Limits: what people set them to, and that they hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';
import type { OpenOptions, RunLimits } from 'jims-core';

import { freshSqlite } from '../support/sqlite.ts';
import { describeStores } from '../support/stores.ts';

describeStores((kind) => {
  test('a limit that is too large for a timer or a database, or undefined, ends nothing', async () => {
    await using database = await kind.fresh();
    const limits: { [name in keyof RunLimits]?: RunLimits[name] | undefined } = {
      timeoutMs: Infinity,
      graceMs: undefined,
      leaseMs: Infinity,
      questionTtlMs: Infinity,
      retentionMs: Infinity,
      queueLimit: Infinity,
    };
    const app = defineApp({
      store: database.url,
      pipeline: async (ctx) => {
        const text = await ctx.step('wait', async () => (await soon(), 'Done'), {
          timeoutMs: 2 ** 31,
          retry: { times: 1, minDelayMs: 2 ** 31 },
        });
        ctx.sendMessage(text);
        await ctx.ask('More?');
      },
    });
    await app.open({ limits } as OpenOptions);
    const run = await app.runs.start({ contactId: 'c', message: 'hi' });
    await app.close(Infinity);
    const end = await run.end;
    assert.ok(end.type === 'result');
    const texts = end.result.events.map(({ data }) => data['content']);
    assert.deepEqual(texts, ['Done', 'More?']);
  });
});

test('a question counts against the limits of its chain', async () => {
  using database = freshSqlite();
  await using app = defineApp({
    store: database.url,
    async pipeline(ctx) {
      const steps = Array.from({ length: 1000 }, () => ctx.step('x', () => 1));
      await Promise.all(steps);
      await ctx.ask('More?');
    },
  });
  const run = await app.runs.start({ contactId: 'c', message: 'hi' });
  const end = await run.end;
  assert.equal(end.type === 'error' && end.error.code, 'chain_too_long');
});

async function soon(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
