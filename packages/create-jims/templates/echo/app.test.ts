import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runPipeline } from 'jims-core/testing';

import { app } from './app.ts';

test('it answers with what it was sent', async () => {
  const [turn] = await runPipeline(app.pipeline, ['Hello']);
  assert.deepEqual(turn?.messages, ['You said: Hello']);
});
