import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as v from 'valibot';

import { HttpError } from '../../src/http/errors.ts';
import { parseBody } from '../../src/http/fastapi/validation.ts';
import { MAX_ISSUES, list } from '../../src/http/list.ts';

let looked = 0;
const Item = v.pipe(
  v.unknown(),
  v.check(() => {
    looked += 1;
    return true;
  }),
  v.object({ name: v.string(), age: v.number() }),
);
const Body = v.object({ items: v.pipe(list(Item, 100), v.nonEmpty()) });

function issuesOf(items: unknown): readonly { readonly type: string; readonly loc: unknown }[] {
  looked = 0;
  try {
    parseBody(Body, { items });
  } catch (error) {
    assert.ok(error instanceof HttpError && typeof error.detail !== 'string');
    return error.detail;
  }
  return [];
}

function many<T>(length: number, item: T): T[] {
  return Array.from({ length }, () => item);
}

test('a list of sound items is taken, and an item that is wrong is named by its position', () => {
  const sound = { name: 'a', age: 1 };
  assert.deepEqual(issuesOf(many(100, sound)), []);
  const [issue, ...more] = issuesOf([sound, { name: 'a', age: 'old' }]);
  assert.deepEqual([issue?.loc, more], [['body', 'items', 1, 'age'], []]);
  assert.deepEqual(issuesOf('no')[0]?.type, 'list_type');
  assert.deepEqual(issuesOf([])[0]?.type, 'too_short');
});

test('after so many issues nothing more is looked at, and nothing more is said', () => {
  const issues = issuesOf(many(100, {}));
  assert.equal(issues.length, MAX_ISSUES);
  assert.deepEqual(issues.at(-1)?.loc, ['body', 'items', 9, 'age']);
  assert.equal(looked, MAX_ISSUES / 2);
});

test('a list that is too long is refused before its items are looked at', () => {
  const [issue, ...more] = issuesOf(many(101, 0));
  assert.deepEqual(issue, {
    type: 'too_long',
    loc: ['body', 'items'],
    msg: 'List should have at most 100 items after validation, not 101',
    input: many(101, 0),
    ctx: { field_type: 'List', max_length: 100, actual_length: 101 },
  });
  assert.deepEqual(more, []);
  assert.equal(looked, 0);
});
