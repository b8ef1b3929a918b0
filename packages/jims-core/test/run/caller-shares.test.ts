import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createCallerShares, defaultShare } from '../../src/run/caller-shares.ts';

test('each caller has their own share, and gets it back', () => {
  const shares = createCallerShares(2);
  shares.enter('anna');
  shares.enter('anna');
  assert.ok(shares.isFull('anna'));
  assert.equal(shares.isFull('bob'), false);
  shares.leave('anna');
  assert.equal(shares.isFull('anna'), false);
});

test('nobody in particular is not counted', () => {
  const shares = createCallerShares(0);
  shares.enter(undefined);
  assert.equal(shares.isFull(undefined), false);
});

test('a default share is a tenth, and at least one', () => {
  assert.deepEqual([1024, 19, 1].map(defaultShare), [102, 1, 1]);
});
