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
