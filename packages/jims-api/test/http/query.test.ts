import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HttpError } from '../../src/http/errors.ts';
import { cursorIn, integerIn, uuidInPath, wordsIn } from '../../src/http/query.ts';
import type { Call } from '../../src/http/route.ts';
import { callWith } from '../support/call.ts';

const UUID = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';

/** The status and the first entry of the refusal, as FastAPI words it. */
function refusalOf(read: () => unknown): unknown {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof HttpError && typeof error.detail !== 'string');
    return { status: error.status, ...error.detail[0] };
  }
  return undefined;
}

function asked(query: string): Call {
  return callWith({ address: `/?${query}` });
}

test('an integer is read between its bounds', () => {
  const limit = (query: string): number =>
    integerIn(asked(query), 'limit', { min: 1, max: 100, byDefault: 20 });
  assert.equal(limit(''), 20);
  assert.equal(limit('limit=1'), 1);
  assert.equal(limit('limit=100'), 100);
  assert.equal(limit('limit=007'), 7);
  assert.deepEqual(
    refusalOf(() => limit('limit=101')),
    {
      status: 422,
      type: 'int_parsing',
      loc: ['query', 'limit'],
      msg: 'Input should be an integer from 1 to 100',
      input: '101',
    },
  );
  for (const text of ['0', '-1', '+1', '1.0', '1e1', ' 1', '', 'ten', '9'.repeat(20)]) {
    assert.ok(
      refusalOf(() => limit(`limit=${encodeURIComponent(text)}`)),
      JSON.stringify(text),
    );
  }
});

test('a cursor is read, and anything else is refused', () => {
  const cursor = `20260228120000000001.${UUID.replaceAll('-', '')}`;
  assert.equal(cursorIn(asked('')), undefined);
  assert.deepEqual(cursorIn(asked(`cursor=${cursor}`)), {
    createdAt: '2026-02-28T12:00:00.000001Z',
    id: UUID,
  });
  assert.deepEqual(
    refusalOf(() => cursorIn(asked('cursor=x'))),
    {
      status: 422,
      type: 'value_error',
      loc: ['query', 'cursor'],
      msg: 'Value error, this is not a cursor of an earlier answer',
      input: 'x',
    },
  );
});

test('words are read from a comma list and from members that are given several times', () => {
  const words = (query: string): readonly string[] | undefined => {
    const found = wordsIn(asked(query), 'domain', ['comm', 'state', 'rag']);
    return found && [...found];
  };
  assert.equal(words(''), undefined);
  assert.deepEqual(words('domain='), []);
  assert.deepEqual(words('domain=rag'), ['rag']);
  assert.deepEqual(words('domain=state,,comm&domain=rag&domain=comm'), ['state', 'comm', 'rag']);
  assert.deepEqual(
    refusalOf(() => words('domain=comm,other')),
    {
      status: 422,
      type: 'literal_error',
      loc: ['query', 'domain'],
      msg: 'Input should be one of comm, state, rag',
      input: 'other',
    },
  );
});

test('a UUID in a path is read in every form that Python reads', () => {
  const read = (id: string): string => uuidInPath(callWith({ params: { id } }), 'id');
  for (const text of [UUID, UUID.toUpperCase(), UUID.replaceAll('-', ''), `{${UUID}}`]) {
    assert.equal(read(text), UUID, text);
  }
  assert.partialDeepStrictEqual(
    refusalOf(() => read('x')),
    { status: 422, type: 'uuid_parsing', loc: ['path', 'id'], input: 'x' },
  );
  assert.ok(refusalOf(() => uuidInPath(callWith({}), 'id')));
});
