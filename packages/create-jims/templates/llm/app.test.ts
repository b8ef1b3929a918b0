import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeModel, runPipeline } from 'jims-core/testing';

import { app } from './app.ts';

test('it answers with what the model says, and remembers', async () => {
  const model = fakeModel(['Hello Ada', 'You are Ada']);
  const [first, second] = await runPipeline(app.pipeline, ['I am Ada', 'Who am I?'], {
    llm: { model },
  });
  assert.deepEqual(first?.messages, ['Hello Ada']);
  assert.deepEqual(second?.messages, ['You are Ada']);
  assert.deepEqual(
    model.requests[1]?.prompt.map(({ role }) => role),
    ['system', 'user', 'assistant', 'user'],
  );
});
