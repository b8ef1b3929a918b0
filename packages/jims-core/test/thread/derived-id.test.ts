import assert from 'node:assert/strict';
import { test } from 'node:test';

import { derivedId, derivedNumber, timeOfId } from '../../src/thread/derived-id.ts';
import { newId } from '../../src/thread/new-id.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a derived id is the same each time, a UUIDv7 of its chain’s time, and no number', () => {
  const ids = new Set<string>();
  for (let n = 0; n < 2000; n++) {
    const chain = newId();
    const id = derivedId(chain, `main/${n}`);
    assert.equal(id, derivedId(chain, `main/${n}`));
    assert.match(id, UUID_V7);
    assert.match(id, /[a-df]/);
    assert.equal(timeOfId(id), timeOfId(chain));
    ids.add(id).add(derivedId(chain, `main/${n + 1}`));
  }
  assert.equal(ids.size, 4000);
});

test('the time of an id is when it was made', () => {
  const before = Date.now();
  const time = timeOfId(newId());
  assert.ok(time >= before && time <= Date.now());
});

test('derived numbers are spread from 0 to 1', () => {
  const chain = newId();
  const numbers = Array.from({ length: 1000 }, (_, n) => derivedNumber(chain, String(n)));
  assert.deepEqual(numbers[7], derivedNumber(chain, '7'));
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert.ok(mean > 0.4 && mean < 0.6, `${mean}`);
});
