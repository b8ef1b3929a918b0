import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';
import { cleanJson } from 'jims-core/host';

import { pythonJson } from '../../../src/http/fastapi/python-json.ts';

test('parts are separated as json.dumps separates them', () => {
  const value = { a: 1, b: [true, null, { c: 'x,\n y: z' }], d: {}, e: [], 'f: ': -0.5 };
  assert.equal(
    pythonJson(value),
    '{"a": 1, "b": [true, null, {"c": "x,\\n y: z"}], "d": {}, "e": [], "f: ": -0.5}',
  );
  assert.equal(pythonJson('text'), '"text"');
  assert.equal(pythonJson(12), '12');
});

test('what is not printable ASCII is escaped as json.dumps escapes it', () => {
  assert.equal(pythonJson('é ключ 😀'), '"\\u00e9 \\u043a\\u043b\\u044e\\u0447 \\ud83d\\ude00"');
  assert.equal(pythonJson({ ü: '"\\/' }), '{"\\u00fc": "\\"\\\\/"}');
  assert.equal(
    pythonJson('\u0001\b\t\n\f\r\u001f\u007f'),
    '"\\u0001\\b\\t\\n\\f\\r\\u001f\\u007f"',
  );
  assert.equal(pythonJson('\ud83d\ude00 \u2028'), '"\\ud83d\\ude00 \\u2028"');
  assert.equal(pythonJson('\ud800'), '"\\ufffd"');
});

test('what JSON cannot hold is null, and a cycle throws', () => {
  assert.equal(pythonJson(undefined), 'null');
  assert.equal(
    pythonJson({ a: undefined, b: [undefined], c: Number.NaN }),
    '{"b": [null], "c": null}',
  );
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  assert.throws(() => pythonJson(cycle), TypeError);
});

test('any value reads back as from cleanJson, from one line of printable ASCII', () => {
  const anything = fc.anything({ maxDepth: 4, withDate: true, withNullPrototype: true });
  const binaryText = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(fc.oneof(anything, binaryText, fc.jsonValue()), (value) => {
      const text = pythonJson(value);
      assert.match(text, /^[ -~]*$/);
      assert.deepEqual(JSON.parse(text), JSON.parse(cleanJson(value)));
    }),
    { numRuns: 500 },
  );
});
