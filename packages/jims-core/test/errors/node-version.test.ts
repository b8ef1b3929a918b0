import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { test } from 'node:test';

import { requireNewNode } from '../../src/errors/node-version.ts';

test('a Node that is too old is named, with what to do', (t) => {
  requireNewNode();
  // What only a new one has.
  const { randomUUIDv7 } = crypto;
  t.after(() => Reflect.set(crypto, 'randomUUIDv7', randomUUIDv7));
  Reflect.deleteProperty(crypto, 'randomUUIDv7');
  assert.throws(requireNewNode, {
    code: 'app_invalid',
    message: new RegExp(`newer, and this is ${process.version}: npm install node@24`),
  });
});
