import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testUser } from 'jims-core/testing';

import { app } from './app.ts';

test('it says something about a sight, and where to go next', async () => {
  const user = testUser(app);
  const answer = await user.say('To the old harbour, please');
  assert.deepEqual(answer.statuses, ['Walking to the old harbour…']);
  assert.match(answer.deltas.join(''), /^The old harbour wakes up/);
  assert.deepEqual(answer.buttons, ['market', 'tower']);
});
