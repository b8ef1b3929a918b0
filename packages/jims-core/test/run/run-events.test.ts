import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isAfter, isRunEnd } from '../../src/run/run-events.ts';

test('positions are ordered by attempt, then by number', () => {
  const at = (attempt: number, seq: number) => ({ attempt, seq });
  assert.ok(isAfter(at(1, 2), at(1, 1)));
  assert.ok(isAfter(at(2, 1), at(1, 9)));
  assert.equal(isAfter(at(1, 1), at(1, 1)), false);
  assert.equal(isAfter(at(1, 9), at(2, 1)), false);
});

test('result, error and cancelled end a run', () => {
  assert.ok(isRunEnd({ type: 'result', result: { startEvents: [], events: [] } }));
  assert.ok(isRunEnd({ type: 'cancelled', reason: 'cancelled', events: [] }));
  assert.equal(isRunEnd({ type: 'restarted', attempt: 2 }), false);
});
