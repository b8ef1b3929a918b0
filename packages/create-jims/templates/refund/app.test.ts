import assert from 'node:assert/strict';
import { test } from 'node:test';

import { replayTwice, runPipeline } from 'jims-core/testing';

import { app } from './app.ts';

const APPROVED = { to: 'approve refund', value: { approved: true } };

test('a small sum is paid back when the customer says yes', async () => {
  const [asked, paid] = await runPipeline(app.pipeline, ['Refund order 1043', 'yes']);
  assert.deepEqual(asked?.messages, ['A pair of socks, €12. Shall I refund it?']);
  assert.deepEqual(paid?.messages, ['€12 are on their way back to you: refund R-1043.']);
});

test('above the limit a colleague decides', async () => {
  const [, waiting, paid] = await runPipeline(app.pipeline, ['Refund 1042', 'yes', APPROVED]);
  assert.equal(waiting?.question?.name, 'approve refund');
  assert.deepEqual(paid?.messages, ['€249 are on their way back to you: refund R-1042.']);
});

test('nothing is paid when the customer says no', async () => {
  const [, refused] = await runPipeline(app.pipeline, ['Refund order 1043', 'no']);
  assert.deepEqual(refused?.messages, ['Nothing was refunded.']);
});

test('a crash in any run changes nothing', async () => {
  await replayTwice(app.pipeline, ['Refund 1042', 'yes', APPROVED]);
});
