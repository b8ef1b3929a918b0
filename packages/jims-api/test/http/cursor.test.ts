import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { fromCursor, toCursor } from '../../src/http/cursor.ts';

const ID = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
const NOON = '2026-02-28T12:00:00.000001Z';
const CURSOR = '20260228120000000001.0190a1b2c3d47e5f8a9b0c1d2e3f4a5b';

test('a cursor is one word of a time and an id', () => {
  assert.equal(toCursor({ createdAt: NOON, id: ID }), CURSOR);
  assert.deepEqual(fromCursor(CURSOR), { createdAt: NOON, id: ID });
});

test('every position comes back from its cursor', () => {
  const time = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(time, fc.integer({ min: 0, max: 999_999 }), fc.uuid(), (date, micros, id) => {
      const seconds = date.toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length);
      const position = { createdAt: `${seconds}.${String(micros).padStart(6, '0')}Z`, id };
      assert.deepEqual(fromCursor(toCursor(position)), position);
    }),
  );
});

test('what is not a cursor is not read as one', () => {
  const id = CURSOR.split('.')[1];
  for (const text of [
    '',
    ID,
    CURSOR.slice(1),
    `${CURSOR}0`,
    ` ${CURSOR}`,
    `${CURSOR}\n`,
    CURSOR.replace('.', '-'),
    CURSOR.toUpperCase(),
    `20260230120000000001.${id}`, // the 30th of February
    `20261328120000000001.${id}`, // the 13th month
    `20260228240000000001.${id}`, // 24 o'clock
    `20260228126000000001.${id}`, // minute 60
    `00000228120000000001.${id}`, // the year 0
  ]) {
    assert.equal(fromCursor(text), undefined, JSON.stringify(text));
  }
});
