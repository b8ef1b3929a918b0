// The public names of the package, all of them: a new name has to be added here, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as assets from '../src/assets.ts';

test('jims-playground/assets exports readAssets and nothing else', async () => {
  assert.deepEqual(Object.keys(assets), ['readAssets']);
  const files = await assets.readAssets();
  assert.deepEqual([...files.keys()], ['index.html', 'page.js', 'page.css']);
});
