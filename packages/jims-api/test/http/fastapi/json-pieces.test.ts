import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';
import { cleanJson } from 'jims-core/host';

import {
  SLOT,
  jsonTemplate,
  jsonText,
  pythonJsonTemplate,
  pythonJsonText,
} from '../../../src/http/fastapi/json-pieces.ts';
import type { Text } from '../../../src/http/fastapi/json-pieces.ts';
import { pythonJson } from '../../../src/http/fastapi/python-json.ts';

/** More than is made at once. */
const LARGE = 50_000;

function piecesOf(text: Text): string[] {
  assert.ok(typeof text !== 'string', 'it was made at once');
  return [...text];
}

/** As clients have it who end a line at these, too. */
function inOneLine(json: string): string {
  return json
    .replaceAll('\u0085', String.raw`\u0085`)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`);
}

test('a small value is made at once', () => {
  assert.equal(jsonText({ a: [1, 'é'] }), '{"a":[1,"é"]}');
  assert.equal(pythonJsonText({ a: [1, 'é'] }), '{"a": [1, "\\u00e9"]}');
  assert.equal(jsonText({ a: 'b\u0085\u2028\u2029' }), String.raw`{"a":"b\u0085\u2028\u2029"}`);
});

test('a large value comes in pieces that make the same text', () => {
  const anything = fc.anything({ maxDepth: 4, withDate: true, withNullPrototype: true });
  const filler = fc
    .constantFrom('x', 'é', '"', '\n', '\u2028', '😀')
    .map((each) => each.repeat(LARGE));
  fc.assert(
    fc.property(anything, filler, anything, fc.nat(20), (before, large, after, at) => {
      const value = { before, inside: [before, large.slice(at), after, undefined, []], after };
      assert.equal(piecesOf(jsonText(value)).join(''), inOneLine(cleanJson(value)));
      assert.equal(piecesOf(pythonJsonText(value)).join(''), pythonJson(value));
    }),
    { numRuns: 50 },
  );
});

test('many small values are as large as one large one', () => {
  const value = { events: Array.from({ length: LARGE }, (_, index) => ({ index, data: {} })) };
  assert.equal(piecesOf(jsonText(value)).join(''), JSON.stringify(value));
});

test('no piece is large, whatever the value is, and none is made before it is taken', () => {
  const text = pythonJsonText({ content: 'x'.repeat(10 * 2 ** 20) });
  const lengths = piecesOf(text).map((piece) => piece.length);
  assert.ok(Math.max(...lengths) <= 16 * 1024, `a piece of ${Math.max(...lengths)}`);
});

test('a template writes what its value would be with these strings', () => {
  const value = (a: string, b: string): object => ({ type: 'x', a, list: [1, { b }], end: null });
  const template = jsonTemplate(value(SLOT, SLOT));
  const python = pythonJsonTemplate(value(SLOT, SLOT));
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(template(a, b), jsonText(value(a, b)));
      assert.equal(python(a, b), pythonJsonText(value(a, b)));
    }),
  );
  assert.equal(template('\ud800', '\0"\u2028'), jsonText(value('\ud800', '\0"\u2028')));
  assert.equal(template('$&', '"$1'), jsonText(value('$&', '"$1')));
});
