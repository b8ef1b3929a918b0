import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { openPage } from '../../jims-api/test/support/browser.ts';
import { createGate } from '../../jims-api/test/support/gate.ts';
import { accessibilityFaults, serveWidget } from './support/widget-page.ts';

test('inline: an answer grows through a reload, is announced once, and can be stopped', async () => {
  const gate = createGate();
  await using served = await serveWidget(
    async (ctx: ThreadContext) => {
      ctx.updateAgentStatus('Counting…');
      await ctx.sendMessage(
        (async function* () {
          yield 'One **two** ';
          await gate.passed(ctx.signal);
          yield 'three.';
        })(),
      );
    },
    '<main><h1>Help</h1><jims-chat contact-id="customer:1" title="Support"></jims-chat></main>',
  );
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await page.getByLabel('Message', { exact: true }).fill('go');
  await page.keyboard.press('Enter');
  await page.getByText('Counting…').waitFor();
  await page.locator('strong').getByText('two').waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await page.reload();
  await page.locator('strong').getByText('two').waitFor();
  gate.open();
  await page.getByText('One two three.').first().waitFor();
  assert.deepEqual(browser.errors, []);
});
