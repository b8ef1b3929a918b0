import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { canonicalUuid, uuidFault } from '../../../src/http/fastapi/uuid.ts';

test('every spelling of a UUID gives the canonical one', () => {
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      for (const cased of [uuid, uuid.toUpperCase()]) {
        assert.equal(canonicalUuid(cased), uuid);
        assert.equal(canonicalUuid(cased.replaceAll('-', '')), uuid);
        assert.equal(canonicalUuid(`urn:uuid:${cased}`), uuid);
        assert.equal(canonicalUuid(`{${cased}}`), uuid);
      }
    }),
  );
});

test('what is taken has 32 digits, and what is not has a reason', () => {
  const nearly = fc.tuple(
    fc.uuid(),
    fc.nat(40),
    fc.constantFrom('', '-', 'g', '0', '{', 'é', '😀'),
  );
  const texts = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    nearly.map(([uuid, at, put]) => uuid.slice(0, at) + put + uuid.slice(at + 1)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const canonical = canonicalUuid(text);
      if (canonical === undefined) {
        assert.match(uuidFault(text), /^invalid (?:character|length|group count|group length)/);
        return;
      }
      const digits = text
        .toLowerCase()
        .replace(/^urn:uuid:/, '')
        .replaceAll(/[-{}]/g, '');
      assert.match(digits, /^[0-9a-f]{32}$/);
      assert.equal(canonical.replaceAll('-', ''), digits);
    }),
  );
});

test('mixed spellings are not ids: no braces or prefix around bare digits, no second brace', () => {
  const uuid = '0190d3a0-abcd-7222-8333-444444444446';
  const bare = uuid.replaceAll('-', '');
  for (const text of [
    `{${bare}}`,
    `urn:uuid:${bare}`,
    `{${uuid}`,
    `${uuid}}`,
    `{{${uuid}}}`,
    `URN:UUID:${uuid}`,
    `${uuid} `,
    '',
  ]) {
    assert.equal(canonicalUuid(text), undefined, text);
  }
});

test('reasons are those of pydantic’s parser', () => {
  for (const [text, reason] of [
    ['abc', 'invalid length: expected length 32 for simple format, found 3'],
    ['0190d3a0-abcd-7222', 'invalid group count: expected 5, found 3'],
    ['0190d3a0-abc-7222-8333-444444444446', 'invalid group length in group 1: expected 4, found 3'],
    ['0190d3a0-abcd-7222-8333-4444', 'invalid group length in group 4: expected 12, found 4'],
  ] as const) {
    assert.equal(uuidFault(text), reason);
  }
  const character =
    'invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found';
  assert.equal(uuidFault('x'), `${character} \`x\` at 1`);
  assert.equal(uuidFault('0190d3a0😀'), `${character} \`😀\` at 9`);
});

test('the groups of a long text are counted', () => {
  assert.equal(uuidFault('-'.repeat(100_000)), 'invalid group count: expected 5, found 100001');
});
