import assert from 'node:assert/strict';
import { test } from 'node:test';

import { pipelineName } from '../../src/pipeline/pipeline.ts';

test('a pipeline has the name of its function or object', () => {
  assert.equal(
    pipelineName(function answer() {}),
    'answer',
  );
  assert.equal(pipelineName({ name: 'support', run() {} }), 'support');
  assert.equal(pipelineName({ run() {} }), 'pipeline');
  assert.equal(
    pipelineName(() => {}),
    'pipeline',
  );
});
