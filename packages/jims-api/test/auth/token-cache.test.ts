import assert from 'node:assert/strict';
import { test } from 'node:test';

import { VerdictCache } from '../../src/auth/token-cache.ts';
import type { Principal } from '../../src/http/principal.ts';

const ALICE: Principal = { kind: 'contact', id: 'a', contactId: 'alice' };

/** Who is remembered for a key; `null` when nothing is. */
function remembered(cache: VerdictCache, key: string): Principal | undefined | null {
  const verdict = cache.get(key);
  return verdict ? verdict.principal : null;
}

test('an allowance and a denial each live for their own time', () => {
  let now = 1000;
  const cache = new VerdictCache({ allowMs: 30, denyMs: 5, capacity: 10, now: () => now });
  cache.set('good', ALICE);
  cache.set('bad', undefined);
  now += 4;
  assert.deepEqual([remembered(cache, 'good'), remembered(cache, 'bad')], [ALICE, undefined]);
  now += 1;
  assert.deepEqual([remembered(cache, 'good'), remembered(cache, 'bad')], [ALICE, null]);
  now += 25;
  assert.equal(remembered(cache, 'good'), null);
});

test('reading a verdict does not prolong it', () => {
  let now = 0;
  const cache = new VerdictCache({ allowMs: 30, denyMs: 5, capacity: 10, now: () => now });
  cache.set('good', ALICE);
  now = 29;
  assert.equal(remembered(cache, 'good'), ALICE);
  now = 30;
  assert.equal(remembered(cache, 'good'), null);
});

test('the newest verdict replaces the one before', () => {
  const cache = new VerdictCache({ allowMs: 30, denyMs: 30, capacity: 10, now: () => 0 });
  cache.set('token', ALICE);
  cache.set('token', undefined);
  assert.equal(remembered(cache, 'token'), undefined);
});

test('when it is full the least recently used verdict goes', () => {
  const cache = new VerdictCache({ allowMs: 30, denyMs: 30, capacity: 2, now: () => 0 });
  cache.set('a', ALICE);
  cache.set('b', ALICE);
  cache.get('a');
  cache.set('c', ALICE);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => remembered(cache, key)),
    [ALICE, null, ALICE],
  );
});

test('a lifetime of zero remembers nothing', () => {
  const cache = new VerdictCache({ allowMs: 0, denyMs: 0, capacity: 2, now: () => 0 });
  cache.set('a', ALICE);
  assert.equal(remembered(cache, 'a'), null);
});
