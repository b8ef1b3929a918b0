import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { createStaticKeys } from '../../src/auth/static-keys.ts';

test('each of several keys is recognised, and nothing that is almost one', () => {
  const principalOf = createStaticKeys(['first-key', 'second-key', 'ключ']);
  for (const key of ['first-key', 'second-key', 'ключ']) {
    assert.equal(principalOf(key)?.kind, 'service', key);
  }
  for (const token of ['first-ke', 'first-keyx', 'First-key', 'third-key', 'first-key ', '']) {
    assert.equal(principalOf(token), undefined, `"${token}"`);
  }
});

test('a principal is named by the first eight digits of its key’s SHA-256', () => {
  const digest = createHash('sha256').update('second-key').digest('hex');
  const principal = createStaticKeys(['first-key', 'second-key'])('second-key');
  assert.deepEqual(principal, { kind: 'service', id: digest.slice(0, 8) });
});

test('a key that no client could send is refused without showing it', () => {
  for (const key of [
    '',
    ' padded',
    'padded ',
    'line\n',
    'a\u007fb',
    'a\u0000b',
    'a, b',
    '\ud800',
  ]) {
    assert.throws(
      () => createStaticKeys(['good', key]),
      (error: Error) => error instanceof TypeError && /API key number 2/.test(error.message),
      JSON.stringify(key),
    );
  }
  assert.throws(
    () => createStaticKeys(['pass\tword']),
    (error: Error) => !error.message.includes('pass'),
  );
});
