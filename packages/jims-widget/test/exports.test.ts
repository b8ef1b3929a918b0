// The public names of the package, all of them: a new name has to be added here, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exportedNames } from '../../jims-core/test/support/exported-names.ts';

test('jims-widget exports these names and no others', () => {
  assert.deepEqual(exportedNames(new URL('../src/index.ts', import.meta.url)), {
    values: ['JimsChatElement'],
    types: ['ChatTexts', 'JimsChatEventMap', 'MessageAction', 'PartialTexts', 'Token'],
  });
});

test('on a server, where pages are made, it can be imported and does nothing', async () => {
  const { readAssets } = await import('jims-widget/assets');
  const { body } = (await readAssets()).get('widget.js') ?? assert.fail();
  const { JimsChatElement } = await import(`data:text/javascript,${encodeURIComponent(body)}`);
  assert.equal(typeof JimsChatElement, 'function');
});
