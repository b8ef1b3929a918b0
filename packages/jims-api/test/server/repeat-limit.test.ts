import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RepeatLimit } from '../../src/server/repeat-limit.ts';

test('one line comes through in its time, and the next one says how many did not', (t) => {
  let clock = 5;
  t.mock.method(performance, 'now', () => clock);
  const limit = new RepeatLimit(1000);
  assert.deepEqual(limit.pass(), {});
  clock += 999;
  assert.equal(limit.pass(), undefined);
  assert.equal(limit.pass(), undefined);
  clock += 1;
  assert.deepEqual(limit.pass(), { suppressed: 2 });
  clock += 1000;
  assert.deepEqual(limit.pass(), {});
});
