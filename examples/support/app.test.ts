// npm test: the support without a key, a server or a database.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scriptedModel, testUser, toolCall } from 'jims-core/testing';

import { app } from './app.ts';

const contactId = 'customer:42';

test('money is paid back after a yes, once, although the process dies while it is paid', async () => {
  const model = scriptedModel([
    { json: { kind: 'refund', title: 'Refund of order 1042' } },
    toolCall('refund', { number: '1042' }),
    'Your 249 euros are on their way.',
  ]);
  const user = testUser(app, { model, contactId });

  const first = await user.say('I want my money back for 1042');
  assert.equal(first.text, 'Shall I pay €249 back?');
  assert.deepEqual(first.statuses, ['Reading your message…']);

  const paid = await user.crashAndRecover(() => user.click('yes'), { in: 'refund' });
  assert.equal(paid.text, 'Your 249 euros are on their way.');
  assert.partialDeepStrictEqual(paid.tools, [{ name: 'refund', output: { refundId: 'R-1' } }]);
  model.done();
});

test("somebody else's order is not found, and nobody is asked whether to pay it back", async () => {
  const number = '1043';
  const model = scriptedModel([
    { json: { kind: 'refund', title: 'Refund' } },
    [toolCall('find_order', { number }), toolCall('refund', { number })],
    'I do not know that order.',
  ]);
  const answer = await testUser(app, { model, contactId }).say('My order 1043');
  assert.equal(answer.question, undefined);
  const results = model.prompts.at(-1)?.flatMap((message) => message.results ?? []);
  assert.deepEqual(
    results?.map(({ output }) => output),
    ['There is no such order', 'There is no such order'],
  );
});

test('a colleague answers when there is time', async () => {
  const model = scriptedModel([{ json: { kind: 'colleague', title: 'A tent with a hole' } }]);
  const user = testUser(app, { model, contactId, greet: true, everyRunTwice: true });
  const first = await user.say('Can I talk to a person?');
  assert.deepEqual(first.greeting, ['Hello! How can I help?']);
  assert.deepEqual(first.question?.data, { asked: 'Can I talk to a person?' });
  const answered = await user.waitAndAnswer('answer a customer', { text: 'I send you a new one' });
  assert.equal(answered.text, 'I send you a new one');
});
