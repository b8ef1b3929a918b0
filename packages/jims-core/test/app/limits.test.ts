// Numbers that people choose: of an app's limits, of its steps and its questions.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp, isJimsError } from 'jims-core';
import type { AskOptions, OpenOptions, Pipeline, RunLimits, StepOptions } from 'jims-core';

import { freshSqlite } from '../support/sqlite.ts';

test('a time that is too long for a timer of Node, or left undefined, ends nothing', async () => {
  using database = freshSqlite();
  const store = database.url;
  const limits: { [name in keyof RunLimits]?: RunLimits[name] | undefined } = {
    timeoutMs: Infinity,
    graceMs: undefined,
  };
  const app = defineApp({
    store,
    pipeline: async (ctx) => {
      const text = await ctx.step('wait', async () => (await soon(), 'Done'), {
        timeoutMs: 2 ** 31,
        retry: { times: 1, minDelayMs: 2 ** 31 },
      });
      ctx.sendMessage(text);
    },
  });
  await app.open({ limits } as OpenOptions);
  const run = await app.runs.start({ contactId: 'c', message: 'hi' });
  await app.close(Infinity);
  const end = await run.end;
  assert.ok(end.type === 'result');
  assert.equal(end.result.events[0]?.data['content'], 'Done');
});

test('a number that is none is refused in the words of its call', async () => {
  using database = freshSqlite();
  const cases: readonly [StepOptions | AskOptions, RegExp][] = [
    [{ timeoutMs: Number.NaN }, /timeoutMs of the step 'x' must be a number from 0 on. It is NaN/],
    [{ retry: {} } as StepOptions, /retry.times of the step 'x' must be .* It is undefined/],
    [
      { retry: { times: 1, minDelayMs: -1 } },
      /retry.minDelayMs of the step 'x' must be .* It is -1/,
    ],
    [{ expiresInMs: Number.NaN }, /expiresInMs of a question must be a number from 0 on/],
  ];
  const said: unknown[] = [];
  const pipeline: Pipeline = async (ctx) => {
    for (const [options] of cases) {
      const call = (): unknown =>
        'expiresInMs' in options ? ctx.ask('?', options) : ctx.step('x', () => 1, options);
      try {
        call();
      } catch (error) {
        said.push(error);
      }
    }
  };
  await using app = defineApp({ store: database.url, pipeline });
  const limits = { timeoutMs: Number.NaN };
  await assert.rejects(app.open({ limits }), {
    code: 'app_invalid',
    message: 'The limit timeoutMs is NaN: it must be a number from 0 on',
  });
  await app.open({ limits: { timeoutMs: 10_000 } });
  await (
    await app.runs.start({ contactId: 'c', message: 'hi' })
  ).end;
  for (const [index, [, message]] of cases.entries()) {
    const error = said[index];
    assert.ok(isJimsError(error));
    assert.equal(error.code, 'invalid_event');
    assert.match(error.message, message);
  }
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
