import assert from 'node:assert/strict';
import { test } from 'node:test';

import { scriptedModel, testUser } from 'jims-core/testing';

import { app } from './app.ts';

test('it answers from the passage that fits, and names its page as the source', async () => {
  const model = scriptedModel(['A family ticket costs 20 euros [1].']);
  // The vectors of tests are made of the words of a passage.
  const user = testUser(app, { model });
  const answer = await user.say('What does a family ticket for two adults cost?');
  assert.equal(answer.text, 'A family ticket costs 20 euros [1].');
  assert.match(JSON.stringify(model.prompts[0]), /\[1\] Tickets\\nAdults pay 9 euros/);
  const message = (await user.events()).at(-1);
  assert.match(JSON.stringify(message?.data['sources']), /"title":"Tickets"/);
});
