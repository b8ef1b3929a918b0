import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testUser } from 'jims-core/testing';

import { app } from './app.ts';

test('a small sum is paid back when the customer says yes', async () => {
  const user = testUser(app);
  const question = await user.say('Refund order 1043');
  assert.equal(question.text, 'A pair of socks, €12. Shall I refund it?');
  const answer = await user.click('yes');
  assert.equal(answer.text, '€12 are on their way back to you: refund R-1043.');
});

test('above the limit a colleague decides', async () => {
  const user = testUser(app);
  await user.say('Refund order 1042');
  const waiting = await user.click('yes');
  assert.match(waiting.text, /A colleague looks at it/);
  const answer = await user.waitAndAnswer('approve refund', { approved: true });
  assert.equal(answer.text, '€249 are on their way back to you: refund R-1042.');
});

test('nothing is paid when the customer says no', async () => {
  const user = testUser(app);
  await user.say('Refund order 1043');
  const answer = await user.click('no');
  assert.equal(answer.text, 'Nothing was refunded.');
});

test('a process that dies while it pays changes nothing', async () => {
  const user = testUser(app);
  await user.say('Refund order 1043');
  const answer = await user.crashAndRecover(() => user.click('yes'), { in: 'refund' });
  assert.equal(answer.text, '€12 are on their way back to you: refund R-1043.');
});
