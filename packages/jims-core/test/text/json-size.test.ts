import assert from 'node:assert/strict';
import { test } from 'node:test';

import { jsonSize } from '../../src/text/json-size.ts';

test('names, strings and frames count, at any depth', () => {
  assert.equal(jsonSize({}), 25);
  assert.equal(jsonSize({ ab: 'cde' }), 25 + 2 + 3);
  assert.equal(jsonSize({ a: 1, b: null }), 25 + 1 + 25 + 1 + 25);
  assert.equal(jsonSize({ a: { b: ['cd', 1] } }), 25 + (1 + 25) + (1 + 25) + 2 + 25);
});

test('a very deep value has a size, too', () => {
  let deep: object = {};
  for (let depth = 0; depth < 100_000; depth++) deep = { a: deep };
  assert.equal(jsonSize(deep), 25 + 100_000 * 26);
});
