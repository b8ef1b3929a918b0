import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from '../../src/app/app.ts';
import { isJimsError } from '../../src/errors/jims-error.ts';

test('runs end as they do although nothing can be logged or reported', async () => {
  await using app = defineApp({
    store: 'sqlite::memory:',
    pipeline(ctx) {
      if (ctx.lastUserMessage === 'throw') throw new Error('as planned');
      ctx.sendMessage('Hello');
    },
  });
  const broken = (): never => {
    throw new Error('the log is gone');
  };
  const logger = { debug: broken, info: broken, warn: broken, error: broken };
  // oxlint-disable-next-line typescript/no-misused-promises -- TypeScript lets authors do it
  await app.open({ logger, onRunFailed: async () => broken() });
  const endOf = async (message: string): Promise<string> =>
    (await (await app.runs.start({ contactId: 'c', message })).end).type;
  assert.equal(await endOf('Hi'), 'result');
  assert.equal(await endOf('throw'), 'error');
  assert.equal(await endOf('Hi'), 'result');
});

test('a logger without one of its methods is refused when the app is opened', async () => {
  await using app = defineApp({ store: 'sqlite::memory:', pipeline: () => {} });
  const incomplete = { info() {}, warn() {}, error() {} };
  // @ts-expect-error TypeScript says so, too
  const opening = app.open({ logger: incomplete });
  const saysWhich = (error: unknown): boolean =>
    isJimsError(error) && error.code === 'app_invalid' && error.message.includes('debug');
  await assert.rejects(opening, saysWhich);
});
