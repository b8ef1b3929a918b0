import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { HttpError } from '../../../src/http/errors.ts';
import { JSON_BOUNDS, parseJson } from '../../../src/http/fastapi/parse-json.ts';

const DEEP = 1000;

/** What stands in a 422: CPython's message and the position of the first wrong character. */
function faultOf(
  text: string,
  maxDepth = DEEP,
): { message: unknown; position: unknown } | undefined {
  try {
    parseJson(text, { ...JSON_BOUNDS, maxDepth });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof HttpError && typeof error.detail !== 'string');
    assert.equal(error.status, 422);
    const [issue, ...more] = error.detail;
    assert.deepEqual(more, []);
    assert.equal(issue?.type, 'json_invalid');
    assert.equal(issue.msg, 'JSON decode error');
    assert.deepEqual(issue.input, {});
    return { message: issue.ctx?.['error'], position: issue.loc[1] };
  }
}

/** By JSON.parse itself: valid, and nothing in it that a number or a database column would change. */
function isStorable(text: string): boolean {
  let storable = true;
  function check(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
    if (typeof value === 'string') storable &&= value.isWellFormed() && !value.includes('\0');
    if (typeof value === 'object' && value !== null) {
      for (const name of Object.keys(value)) check('', name);
    }
    if (typeof value === 'number' && source !== undefined) {
      storable &&= Number.isFinite(value);
      if (/^-?\d+$/.test(source)) storable &&= BigInt(source) === BigInt(value);
    }
    return value;
  }
  try {
    JSON.parse(text, check);
    return storable;
  } catch {
    return false;
  }
}

const documents = fc.oneof(
  fc.json(),
  fc.jsonValue().map((value) => JSON.stringify(value, null, 2)),
  fc.constantFrom(
    '"\\ud800"',
    '"\\ud83d\\ude00"',
    '{"\\u0000": 1}',
    '{"a": "\\udc00"}',
    '[12345678901234567890]',
    '[9007199254740993, 9007199254740992]',
    '1e999',
    '[-1E+400]',
    '1e400000',
    '{"__proto__": {"a": 1}}',
  ),
);
const pieces = fc.constantFrom(
  '"',
  '\\',
  '\\u',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '0',
  '-',
  '.',
  'e',
  'NaN',
  ' ',
  '\n',
  '\0',
  'é',
  '😀',
  'tru',
);
const edits = fc.array(fc.record({ at: fc.nat(), drop: fc.nat(3), put: pieces }), { maxLength: 3 });
const texts = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.array(pieces).map((list) => list.join('')),
  fc.tuple(documents, edits).map(([text, changes]) =>
    changes.reduce((before, { at, drop, put }) => {
      const start = at % (before.length + 1);
      return before.slice(0, start) + put + before.slice(start + drop);
    }, text),
  ),
);

test('text is taken when JSON.parse takes it and nothing in it would be lost', () => {
  fc.assert(
    fc.property(fc.oneof(documents, texts), (text) => {
      fc.pre(text.isWellFormed());
      assert.equal(faultOf(text) === undefined, isStorable(text), text);
    }),
    { numRuns: 2000 },
  );
});

test('what is taken is what JSON.parse gives', () => {
  fc.assert(
    fc.property(documents, (text) => {
      fc.pre(isStorable(text));
      const value = parseJson(text, { ...JSON_BOUNDS, maxDepth: DEEP });
      assert.deepEqual(value, JSON.parse(text));
    }),
  );
});

test('a fault is inside the text or right after it', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const fault = faultOf(text);
      fc.pre(fault !== undefined);
      assert.ok(typeof fault.position === 'number' && Number.isInteger(fault.position));
      assert.ok(fault.position >= 0 && fault.position <= Array.from(text).length, text);
      assert.ok(typeof fault.message === 'string' && fault.message !== '');
    }),
  );
});

test('the beginning of a sound text that is cut off is a fault at its end, or where its last string began', () => {
  const containers = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()));
  fc.assert(
    fc.property(containers, fc.nat(), (value, cut) => {
      const text = JSON.stringify(value);
      fc.pre(isStorable(text));
      assert.ok(faultOf(text.slice(0, cut % text.length)), text);
    }),
  );
});

test('positions and reasons are those of CPython 3.13', () => {
  for (const [text, position, message] of [
    ['', 0, 'Expecting value'],
    ['   ', 3, 'Expecting value'],
    ['{', 1, 'Expecting property name enclosed in double quotes'],
    ["{'a': 1}", 1, 'Expecting property name enclosed in double quotes'],
    ['{"a" 1}', 5, "Expecting ':' delimiter"],
    ['{"a":}', 5, 'Expecting value'],
    ['{"a": 1 "b": 2}', 8, "Expecting ',' delimiter"],
    ['{"a": 1,}', 7, 'Illegal trailing comma before end of object'],
    ['[1, 2 , ]', 6, 'Illegal trailing comma before end of array'],
    ['[1, 2', 5, "Expecting ',' delimiter"],
    ['[1,,2]', 3, 'Expecting value'],
    ['{"a": 01}', 7, "Expecting ',' delimiter"],
    ['1 2', 2, 'Extra data'],
    ['{}{}', 2, 'Extra data'],
    ['nul', 0, 'Expecting value'],
    ['"abc', 0, 'Unterminated string starting at'],
    ['"abc\\', 0, 'Unterminated string starting at'],
    ['["a\nb"]', 3, 'Invalid control character at'],
    ['"\\q"', 1, 'Invalid \\escape'],
    ['"\\u12G4"', 2, 'Invalid \\uXXXX escape'],
    ['"\\u123', 2, 'Invalid \\uXXXX escape'],
    ['"😀😀" x', 5, 'Extra data'],
    ['\u00A0{}', 0, 'Expecting value'],
  ] as const) {
    assert.deepEqual(faultOf(text), { message, position }, text);
  }
});

test('what JavaScript or PostgreSQL could not keep is refused, each with its reason', () => {
  for (const [text, position, message] of [
    ['[1, NaN]', 4, 'NaN and Infinity are not JSON'],
    ['-Infinity', 0, 'NaN and Infinity are not JSON'],
    ['[1e999]', 1, 'Number out of range'],
    ['{"n": 9007199254740993}', 6, 'Integer too large to be kept exactly, send it as a string'],
    ['{"a": "x\\u0000y"}', 6, 'NUL character in string starting at'],
    ['["ok", "\\ud800"]', 7, 'Lone surrogate in string starting at'],
    ['[NaN, }', 6, 'Expecting value'],
  ] as const) {
    assert.deepEqual(faultOf(text), { message, position }, text);
  }
  for (const exact of [
    '9007199254740992',
    '-9007199254740991',
    '1e22',
    '0.1',
    '"\\ud83d\\ude00"',
  ]) {
    assert.equal(faultOf(exact), undefined, exact);
  }
});

test('nesting is limited, and brackets in strings do not count', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(faultOf(nested(64), 64), undefined);
  assert.deepEqual(faultOf(nested(65), 64), {
    message: 'Nested deeper than 64 levels',
    position: 64,
  });
  assert.deepEqual(faultOf('{"a":'.repeat(100_000), 64)?.position, 64 * 5);
  assert.equal(faultOf(JSON.stringify(['\\"'.repeat(3), '[[[[', '"[[']), 1), undefined);
});

test('values and names are counted, however they are nested, and what is more is refused', () => {
  const bounds = { maxDepth: 10, maxValues: 100, maxNames: 10 };
  const reasonOf = (value: unknown): unknown => {
    try {
      assert.deepEqual(parseJson(JSON.stringify(value), bounds), value);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof HttpError && typeof error.detail !== 'string');
      return error.detail[0]?.ctx?.['error'];
    }
  };
  const named = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, 0]));
  assert.equal(reasonOf(Array.from({ length: 99 }, () => 0)), undefined);
  assert.equal(reasonOf(Array.from({ length: 100 }, () => [])), 'More than 100 values');
  assert.equal(reasonOf(Array.from({ length: 10 }, () => named(9))), 'More than 100 values');
  assert.equal(reasonOf(named(10)), undefined);
  assert.equal(reasonOf([named(5), named(10)]), undefined);
  assert.equal(reasonOf([named(11)]), 'More than 10 names');
  assert.equal(reasonOf([named(6), { a: 0, b: 0, c: 0, d: 0, e: 0 }]), 'More than 10 names');
});

test('a thread_id with NUL is left to its schema, any other NUL is refused', () => {
  const body = { thread_id: 'a\0', message: 'x' };
  assert.deepEqual(parseJson(JSON.stringify(body)), body);
  for (const other of [
    { ...body, message: 'x\0' },
    { message: 'x\0', thread_id: 'a' },
    { metadata: { thread_id: 'a\0' } },
    { 'thread_id\0': 'a' },
    [body],
  ]) {
    assert.match(String(faultOf(JSON.stringify(other))?.message), /^NUL character/);
  }
});
