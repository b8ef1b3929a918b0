// The public names of the package, all of them: a new name has to be added here, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import * as assets from '../src/assets.ts';

test('jims-playground/assets exports readAssets and nothing else', async () => {
  assert.deepEqual(Object.keys(assets), ['readAssets']);
  const files = await assets.readAssets();
  assert.deepEqual([...files.keys()], ['index.html', 'page.js', 'page.css']);
});

test('the page has less than 100 kB, compressed', async () => {
  const files = await assets.readAssets();
  const sizes = [...files.values()].map(({ body }) => gzipSync(body).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total < 100_000, `${total} bytes`);
});
