import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { Pipeline } from 'jims-core';
import { testUser } from 'jims-core/testing';

async function say(pipeline: Pipeline): Promise<void> {
  await using user = testUser(defineApp(pipeline));
  await user.say('x');
}

describe('an error that a pipeline leaves behind fails the turn that caused it', () => {
  // The runner counts what comes later as activity of the first test.
  before(() => say((ctx) => ctx.sendMessage('hi')));

  test('when nobody awaits a promise', async () => {
    const run = say(async (ctx) => {
      void Promise.reject(new Error('floating'));
      await sleep(1000, undefined, { signal: ctx.signal });
      ctx.sendMessage('x');
    });
    await assert.rejects(run, { message: 'floating' });
  });

  test('when it is the last thing that the pipeline does', async () => {
    const run = say((ctx) => {
      ctx.sendMessage('x');
      void Promise.reject(new Error('floating'));
    });
    await assert.rejects(run, { message: 'floating' });
  });

  test('when a timer throws', async () => {
    const run = say(async () => {
      setTimeout(() => {
        throw new Error('in a timer');
      }, 1);
      await sleep(1000);
    });
    await assert.rejects(run, { message: 'in a timer' });
  });

  test('and not that of another user', async () => {
    const { promise: failed, resolve: go } = Promise.withResolvers<void>();
    const other = say(() => failed);
    const run = say(async () => {
      void Promise.reject(new Error('floating'));
      await sleep(1000);
    });
    await assert.rejects(run, { message: 'floating' });
    go();
    await other;
  });
});
