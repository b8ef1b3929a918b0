import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newId } from 'jims-core';

test('ids are UUIDv7, all different, and never look like a number', () => {
  const ids = Array.from({ length: 2000 }, () => newId());
  for (const id of ids) {
    assert.match(id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    assert.ok(Number.isNaN(Number(id.replaceAll('-', ''))), id);
  }
  assert.equal(new Set(ids).size, ids.length);
});

test('an id is greater than all that were made before it, also when the clock is set back', (t) => {
  const ids = Array.from({ length: 20_000 }, () => newId());
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 60_000 });
  ids.push(...Array.from({ length: 10_000 }, () => newId()));
  assert.deepEqual(ids.toSorted(), ids);
});
