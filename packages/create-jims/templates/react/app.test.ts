import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runPipeline } from 'jims-core/testing';

import { app } from './app.ts';

test('it says something about a sight, and where to go next', async () => {
  const [turn] = await runPipeline(app.pipeline, ['The old harbour']);
  assert.equal(turn?.statuses[0]?.message, 'Walking to the old harbour…');
  assert.match(turn.deltas.join(''), /^The old harbour wakes up/);
  assert.equal(turn.messages.at(-1), 'Where next?');
});
