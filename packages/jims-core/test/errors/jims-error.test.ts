import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isJimsError } from 'jims-core';
import { describeError, plainError } from 'jims-core/host';

test('whatever was thrown can be described, and is not taken for a JimsError', () => {
  const circular = new Error('circular');
  circular.cause = circular;
  const unreadable = Object.defineProperty(new Error('hidden'), 'message', {
    get: () => {
      throw new Error('not to be read');
    },
  });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const thrown of [
    circular,
    unreadable,
    proxy,
    new Proxy({}, { has: () => true }),
    Object.create(null),
    { toString: 1 },
    Symbol('odd'),
    undefined,
  ]) {
    assert.ok(JSON.stringify(describeError(thrown)).length < 100_000);
    assert.equal(isJimsError(thrown), false);
    assert.ok(plainError(thrown) instanceof Error);
  }
});

test('the causes of an error are described with it', () => {
  const error = new Error('outer', { cause: new Error('inner', { cause: 'deep' }) });
  assert.partialDeepStrictEqual(describeError(error), {
    message: 'outer',
    cause: { message: 'inner', cause: { message: 'deep' } },
  });
});

test('long strings of an error are cut one by one, and say so', () => {
  const error = new Error('x'.repeat(5000), { cause: 'y'.repeat(4001) });
  const { message, stack, cause } = describeError(error);
  assert.equal(message, `${'x'.repeat(4000)}… (1000 more characters)`);
  assert.equal(cause?.message, `${'y'.repeat(4000)}… (1 more characters)`);
  assert.ok(stack?.startsWith(`Error: ${message}\n    at `), stack);
  const short = new Error('short');
  assert.equal(describeError(short).stack, short.stack);
});

test('a plain error has the words of what was thrown, and nothing else', () => {
  const error = new RangeError('outer', { cause: new TypeError('inner') });
  const plain = plainError(Object.assign(error, { prompt: 'secret' }));
  assert.notEqual(plain, error);
  assert.deepEqual(describeError(plain), describeError(error));
  assert.equal('prompt' in plain, false);
});

test('issues of a schema are described by their messages', () => {
  const issues = [{ message: 'Expected a string' }, { message: 'Expected a number' }];
  const { cause } = describeError(new Error('It does not fit', { cause: issues }));
  assert.deepEqual(cause, { message: 'Expected a string; Expected a number' });
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  assert.deepEqual(describeError(cyclic), { message: 'An error that cannot be read' });
});
