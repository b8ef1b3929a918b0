import assert from 'node:assert/strict';
import { test } from 'node:test';

import { VerdictCache } from '../../../src/http/auth/verdict-cache.ts';

test('an allowance and a denial each live for their own time', () => {
  let now = 1000;
  const cache = new VerdictCache({ allowMs: 30, denyMs: 5, capacity: 10, now: () => now });
  cache.set('good', true);
  cache.set('bad', false);
  now += 4;
  assert.deepEqual([cache.get('good'), cache.get('bad')], [true, false]);
  now += 1;
  assert.deepEqual([cache.get('good'), cache.get('bad')], [true, undefined]);
  now += 25;
  assert.equal(cache.get('good'), undefined);
});

test('reading a verdict does not prolong it', () => {
  let now = 0;
  const cache = new VerdictCache({ allowMs: 30, denyMs: 5, capacity: 10, now: () => now });
  cache.set('good', true);
  now = 29;
  assert.equal(cache.get('good'), true);
  now = 30;
  assert.equal(cache.get('good'), undefined);
});

test('the newest verdict replaces the one before', () => {
  const cache = new VerdictCache({ allowMs: 30, denyMs: 30, capacity: 10, now: () => 0 });
  cache.set('token', true);
  cache.set('token', false);
  assert.equal(cache.get('token'), false);
});

test('when it is full the least recently used verdict goes', () => {
  const cache = new VerdictCache({ allowMs: 30, denyMs: 30, capacity: 2, now: () => 0 });
  cache.set('a', true);
  cache.set('b', true);
  cache.get('a');
  cache.set('c', true);
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [true, undefined, true]);
});

test('a lifetime of zero remembers nothing', () => {
  const cache = new VerdictCache({ allowMs: 0, denyMs: 0, capacity: 2, now: () => 0 });
  cache.set('a', true);
  assert.equal(cache.get('a'), undefined);
});
