import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { cleanJson, cleanText, cutText } from '../../src/text/clean-text.ts';

/** Strings with everything that is odd in them: halves, NULs, clusters. */
const oddText = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1 }),
    fc.constantFrom(
      '\ud83d',
      '\ude00',
      '\0',
      '\\',
      '\\u0000',
      '\\ud800',
      '"',
      '👩‍👩‍👧',
      'e\u0301',
      '\r\n',
    ),
  ),
});

describe('clean text', () => {
  test('has no half characters and no NULs, and is otherwise unchanged', () => {
    assert.equal(cleanText('a\ud83d\ude00b\ud83dc\ude00\0'), 'a😀b\ufffdc\ufffd\ufffd');
  });

  test('as JSON equals JSON.stringify of clean strings and names', () => {
    fc.assert(
      fc.property(oddText, oddText, (name, text) => {
        fc.pre(name !== '__proto__');
        const cleaned = JSON.stringify({ [cleanText(name)]: [cleanText(text), 1] });
        assert.equal(cleanJson({ [name]: [text, 1] }), cleaned);
      }),
    );
  });

  test('keeps text that only looks like an escape', () => {
    const text = String.raw`\u0000 \\u0000 \ud83d \\ud83d`;
    assert.equal(JSON.parse(cleanJson(text)), text);
  });
});

describe('cleanJson', () => {
  test('is null for what JSON cannot hold', () => {
    assert.equal(cleanJson(undefined), 'null');
    assert.equal(
      cleanJson(() => 1),
      'null',
    );
    assert.throws(() => cleanJson(1n), TypeError);
  });

  test('can be indented', () => assert.equal(cleanJson(['a'], 2), '[\n  "a"\n]'));
});

describe('cutText', () => {
  test('keeps short text, and says how much of a longer one is missing', () => {
    assert.equal(cutText('abc', 3), 'abc');
    assert.equal(cutText('abcd', 3), 'abc… (1 more characters)');
  });

  test('leaves no half characters', () => {
    assert.equal(cutText('ab😀', 3), 'ab\ufffd… (1 more characters)');
    assert.equal(cutText('\ud83d', 3), '\ufffd');
  });
});
