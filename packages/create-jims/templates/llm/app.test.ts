import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scriptedModel, testUser } from 'jims-core/testing';

import { app } from './app.ts';

test('it answers with what the model says, and remembers', async () => {
  const model = scriptedModel(['Hello Ada', 'You are Ada']);
  const user = testUser(app, { model });
  await user.say('I am Ada');
  const answer = await user.say('Who am I?');
  assert.equal(answer.text, 'You are Ada');
  assert.deepEqual(answer.statuses, ['Thinking…']);
  assert.match(JSON.stringify(model.prompts[1]), /I am Ada.*Hello Ada.*Who am I\?/);
});
