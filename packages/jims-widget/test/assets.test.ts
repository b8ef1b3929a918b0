import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

import { readAssets } from 'jims-widget/assets';

test('the widget is one file of less than 40 kB on its way, with the client, Markdown and styles', async () => {
  const assets = await readAssets();
  assert.deepEqual([...assets.keys()], ['widget.js']);
  const { type, body } = assets.get('widget.js') ?? assert.fail();
  assert.equal(type, 'text/javascript; charset=utf-8');
  assert.ok(!/\bfrom\s*["']|import\s*["'(]/.test(body), 'it imports nothing');
  const { length } = brotliCompressSync(body);
  assert.ok(length < 40_000, `${length} bytes`);
});
