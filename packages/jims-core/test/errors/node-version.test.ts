import assert from 'node:assert/strict';
import { test } from 'node:test';

import { requireNewNode } from '../../src/errors/node-version.ts';

test('a Node that is too old is named, with what to do', () => {
  requireNewNode();
  for (const node of ['24.16.0', '26.0.0']) requireNewNode({ node });
  requireNewNode({ node: '22.6.0', bun: '1.2.0' });
  for (const node of ['20.20.2', '24.15.1']) {
    const message = new RegExp(`newer, and this is ${node}: npm install node@24`);
    assert.throws(() => requireNewNode({ node }), { code: 'app_invalid', message });
  }
});
