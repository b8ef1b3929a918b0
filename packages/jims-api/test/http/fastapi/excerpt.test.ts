import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { excerpt } from '../../../src/http/fastapi/excerpt.ts';

test('a value that is short as JSON is shown as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      fc.pre(JSON.stringify(value).length <= 1000);
      assert.deepEqual(excerpt(value), value);
    }),
  );
  const odd: unknown = JSON.parse('{"__proto__": {"a": 1}, "": [[], {}]}');
  assert.equal(JSON.stringify(excerpt(odd)), JSON.stringify(odd));
});

test('a long value is cut, whatever it is made of', () => {
  const million = 1_000_000;
  for (const value of [
    'x'.repeat(million),
    '\u0001'.repeat(million),
    Array.from({ length: million }, () => 0),
    Array.from({ length: 10_000 }, () => 'x'.repeat(1000)),
    Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`name ${i}`, i])),
    { ['x'.repeat(million)]: 1 },
    { a: { b: ['x'.repeat(million), 'y'.repeat(million)] } },
    Array.from({ length: 10_000 }, () => []),
  ]) {
    const text = JSON.stringify(excerpt(value));
    assert.ok(text.length < 10_000, `${text.length}: ${text.slice(0, 80)}`);
    assert.match(text, /…/);
  }
  assert.equal(excerpt('x'.repeat(1001)), `${'x'.repeat(1000)}…`);
});

test('a cut text is still text: no character is cut in half', () => {
  const cut = excerpt(`x${'😀'.repeat(1000)}`);
  assert.ok(typeof cut === 'string' && cut.isWellFormed());
});
