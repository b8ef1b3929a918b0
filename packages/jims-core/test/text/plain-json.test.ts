import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { notPlain } from '../../src/text/plain-json.ts';

test('JSON is plain, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const isPlain = notPlain(value) === undefined;
      // JSON has no -0, which the generator makes.
      if (isPlain) assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
      else assert.match(notPlain(value) ?? '', /-0$/);
    }),
  );
});

class Order {
  total = 5;
}

for (const [value, fault] of [
  [{ at: new Date(0) }, '.at is a Date'],
  [{ list: [1, new Map()] }, '.list[1] is a Map'],
  [[undefined], '[0] is undefined'],
  [{ order: new Order() }, '.order is a Order'],
  [{ n: Number.NaN }, '.n is NaN'],
  [{ n: -0 }, '.n is -0'],
  [{ n: 1n }, '.n is a bigint'],
  [{ f() {} }, '.f is a function'],
  [Infinity, 'is Infinity'],
] as const) {
  test(`what JSON would change is found: ${fault}`, () => {
    assert.equal(notPlain(value), fault);
  });
}

test('a value that is part of itself is found, and one that is there twice is plain', () => {
  const circle: Record<string, unknown> = {};
  circle['inner'] = { circle };
  assert.equal(notPlain(circle), '.inner.circle is part of itself');
  const twice = { a: 1 };
  assert.equal(notPlain([twice, twice]), undefined);
});

test('nothing, and members that are undefined, are as good as absent', () => {
  assert.equal(notPlain(undefined), undefined);
  assert.equal(notPlain({ a: undefined, b: null }), undefined);
});
