import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeError, isJimsError } from 'jims-core';

test('whatever was thrown can be described, and told from an error of ours', () => {
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
    Object.create(null),
    { toString: 1 },
    Symbol('odd'),
    undefined,
  ]) {
    assert.ok(JSON.stringify(describeError(thrown)).length < 100_000);
    assert.equal(isJimsError(thrown), false);
  }
});

test('the causes of an error are described with it', () => {
  const error = new Error('outer', { cause: new Error('inner', { cause: 'deep' }) });
  assert.partialDeepStrictEqual(describeError(error), {
    message: 'outer',
    cause: { message: 'inner', cause: { message: 'deep' } },
  });
});
