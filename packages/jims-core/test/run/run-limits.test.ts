import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { FileLimits, JimsApp, Pipeline, Run, RunLimits } from 'jims-core';

function appOf(pipeline: Pipeline): JimsApp {
  return defineApp({ pipeline, store: 'sqlite::memory:' });
}

/** As JavaScript may write it. */
function limitsOf(limits: object): Partial<RunLimits> {
  return limits;
}

describe('limits', () => {
  const endless = { timeoutMs: Infinity, graceMs: Infinity, leaseMs: Infinity, maxRuns: Infinity };
  const ages = { questionTtlMs: Infinity, idempotencyTtlMs: Infinity, retentionMs: Infinity };
  for (const [what, limits] of [
    ['as much as can be', { ...endless, ...ages, queueLimit: Infinity }],
    ['not given', { timeoutMs: undefined, maxRuns: undefined, leaseMs: undefined }],
  ] as const) {
    test(`that are ${what} leave time to runs, their steps and the end`, async () => {
      const warnings: string[] = [];
      const onWarning = ({ message }: Error): void => void warnings.push(message);
      const warn = (_: object, message: string): void => void warnings.push(message);
      process.on('warning', onWarning);
      await using app = appOf(async (ctx) => {
        if (ctx.contactId === 'slow') {
          await sleep(50);
          return;
        }
        await ctx.step('wait', () => sleep(20), { timeoutMs: Infinity });
        const answer = await ctx.ask('Sure?', { expiresInMs: Infinity });
        ctx.sendMessage(answer.kind);
      });
      const logger = { debug() {}, info() {}, warn, error: warn };
      await app.open({ limits: limitsOf(limits), logger });
      const start = (contactId: string): Promise<Run> =>
        app.runs.start({ contactId, message: 'Hi', timeoutMs: Infinity });
      for (const run of [await start('c'), await start('c')]) {
        assert.equal((await run.end).type, 'result');
      }
      const slow = await start('slow');
      await app.close(Infinity);
      process.off('warning', onWarning);
      assert.equal((await slow.end).type, 'result');
      assert.deepEqual(warnings, []);
    });
  }

  for (const limits of [
    { timeoutMs: 0 },
    { leaseMs: 0 },
    { maxRuns: Number.NaN },
    { queueLimit: -1 },
    { maxThreadSize: '1' },
  ]) {
    test(`${Object.keys(limits).join()} that nothing can keep are refused`, async () => {
      await using app = appOf(() => {});
      const [name = ''] = Object.keys(limits);
      const fault = { code: 'app_invalid', message: new RegExp(`^${name} is .*: it must be`) };
      await assert.rejects(app.open({ limits: limitsOf(limits) }), fault);
    });
  }

  test('so are those of files', async () => {
    await using app = appOf(() => {});
    const fileLimits: Partial<FileLimits> = { maxFileBytes: Number.NaN };
    await assert.rejects(app.open({ fileLimits }), { code: 'app_invalid' });
  });
});
