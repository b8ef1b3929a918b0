import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isJimsError } from '../../../src/errors/jims-error.ts';
import {
  jsonList,
  refuseNul,
  toJson,
  toJsonIfKept,
  uuidOrNull,
} from '../../../src/store/postgres/parameters.ts';
import { postgresUrl, withClient } from '../../support/postgres.ts';

const refused = (error: unknown): boolean => isJimsError(error) && error.code === 'invalid_event';

test('text that is not a UUID is null', () => {
  const id = '01993456-e234-7123-8123-456789012345';
  assert.equal(uuidOrNull(id), id);
  assert.equal(uuidOrNull(id.toUpperCase()), id.toUpperCase());
  for (const text of [undefined, '', 'x', `${id}\n`, ` ${id}`, id.slice(1), `{${id}}`]) {
    assert.equal(uuidOrNull(text), null, text);
  }
});

test('NUL is refused in text and in JSON, and the six letters of its escape are not', () => {
  assert.throws(() => refuseNul([1, ['a', 'b\0']]), refused);
  refuseNul([1, null, undefined, ['a', 2], Buffer.from('\0')]);
  assert.throws(() => toJson({ a: '\0' }), refused);
  assert.equal(toJsonIfKept({ a: String.raw`\\` + '\0' }), undefined);
  const letters = { a: String.raw`\u0000 \\u0000` };
  assert.deepEqual(JSON.parse(toJson(letters)), letters);
});

for (const [size, count] of [
  ['small', 3],
  ['large', 30],
] as const) {
  test(`a ${size} list of JSON texts arrives as it is`, async () => {
    const texts = Array.from({ length: count }, (_, n) =>
      JSON.stringify({ n, quote: '"\\{},', text: 'ü'.repeat(10_000) }),
    );
    const list = await jsonList(texts);
    assert.equal(Buffer.isBuffer(list), size === 'large');
    const { rows } = await withClient(postgresUrl(), (client) =>
      client.query<{ text: string }>('select unnest($1::json[])::text as text', [list]),
    );
    assert.deepEqual(
      rows.map(({ text }) => text),
      texts,
    );
  });
}
