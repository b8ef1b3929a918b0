import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testUser } from 'jims-core/testing';

import { app } from './app.ts';

test('it answers with what it was sent', async () => {
  const user = testUser(app);
  const answer = await user.say('Hello');
  assert.equal(answer.text, 'You said: Hello');
});
