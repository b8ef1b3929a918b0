import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { defineApp } from 'jims-core';
import type { Page } from 'playwright-core';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';

import { servePage } from '../../../examples/page-server.ts';
import { openPage } from '../../jims-api/test/support/browser.ts';
import { JimsClient } from '../src/index.ts';
import { useJimsChat } from '../src/react.ts';
import { badProxy } from './support/bad-proxy.ts';
import { seeded } from './support/seeded.ts';

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('support/page/main.tsx', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    conditions: ['@jims/source'],
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  return outputFiles[0]?.text ?? '';
}

async function settled(page: Page, count: number): Promise<string[]> {
  await page
    .locator('li[data-stored=true]')
    .nth(count - 1)
    .waitFor({ timeout: 60_000 });
  await page.getByRole('status').getByText('ready', { exact: true }).waitFor({ timeout: 60_000 });
  return page.locator('li').allInnerTexts();
}

describe('a chat in React', () => {
  test('on a server it is empty, and nothing is sent', () => {
    const client = new JimsClient({
      url: 'http://127.0.0.1:9',
      fetch: () => assert.fail('a render sends nothing'),
    });
    function View(): ReturnType<typeof createElement> {
      const { messages, status } = useJimsChat({ client, threadId: crypto.randomUUID() });
      return createElement('p', {}, `${messages.length} ${status}`);
    }
    assert.equal(renderToString(createElement(View)), '<p>0 loading</p>');
  });

  test('in a browser, over a bad network, in two tabs, in strict mode: every message once, in order', async () => {
    const app = defineApp({
      store: 'sqlite::memory:',
      pipeline: (ctx) => ctx.sendMessage(`heard ${ctx.lastUserMessage}`),
    });
    const html =
      '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>';
    const files = {
      '/': { type: 'text/html', body: html },
      '/main.js': { type: 'text/javascript', body: await bundle() },
    } as const;
    await using served = await servePage(app, files, 0);
    await using proxy = await badProxy(served.origin, { percent: 0, random: seeded(7) });
    await using browser = await openPage(proxy.origin);
    const { page } = browser;
    const expected: string[] = [];
    const say = async (tab: Page): Promise<void> => {
      proxy.percent = 30;
      await tab.getByRole('button', { name: 'Send' }).click();
      const text = `number ${expected.length}`;
      expected.push(text, `heard ${text}`);
      assert.deepEqual(await settled(tab, expected.length), expected);
      proxy.percent = 0;
    };
    await say(page);
    await say(page);
    await page.reload();
    assert.deepEqual(await settled(page, 4), expected);
    const other = await page.context().newPage();
    await other.goto(page.url());
    assert.deepEqual(await settled(other, 4), expected);
    await say(other);
    assert.deepEqual(await settled(page, 6), expected);
    await say(page);
    assert.deepEqual(await settled(other, 8), expected);
  });
});
