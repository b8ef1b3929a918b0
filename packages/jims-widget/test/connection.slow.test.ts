// What a visitor and an author see when the service is not reached.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ThreadContext } from 'jims-core';

import { openPage } from '../../jims-api/test/support/browser.ts';
import { accessibilityFaults, serveWidget } from './support/widget-page.ts';

const CHAT = '<main><h1>Help</h1><jims-chat contact-id="customer:1"></jims-chat></main>';

function echo(ctx: ThreadContext): void {
  ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
}

describe('<jims-chat> without a connection', () => {
  test('what is sent waits in the chat, and is delivered once and in order', async () => {
    await using served = await serveWidget(echo, CHAT);
    await using browser = await openPage(served.origin);
    const { page } = browser;
    const field = page.getByLabel('Message', { exact: true });
    const say = async (text: string): Promise<void> => {
      await field.fill(text);
      await page.keyboard.press('Enter');
      assert.equal(await field.inputValue(), '');
    };
    const messages = page.getByRole('listitem').locator('.body');
    await say('one');
    await page.getByRole('listitem').getByText('You said: one').waitFor();
    await page.route('**/api/**', (route) => route.abort());
    await say('two');
    await page.getByText('Connection lost').waitFor();
    await say('three');
    await page.getByRole('listitem').getByText('Waiting to be sent…').nth(1).waitFor();
    await page.unroute('**/api/**');
    await page.getByRole('listitem').getByText('You said: three').waitFor();
    assert.deepEqual(await messages.allInnerTexts(), [
      'one',
      'You said: one',
      'two',
      'You said: two',
      'three',
      'You said: three',
    ]);
  });

  test('what could not be sent is tried again, written again, or discarded', async () => {
    await using served = await serveWidget(echo, CHAT, { maxMessageBytes: 20 });
    await using browser = await openPage(served.origin);
    const { page } = browser;
    const field = page.getByLabel('Message', { exact: true });
    const own = page.getByRole('listitem').locator('.plain');
    await field.fill('far too long for this service');
    await page.keyboard.press('Enter');
    await page.getByText('This message is too long.').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await field.fill('and this');
    await page.getByRole('button', { name: 'Edit' }).press('Enter');
    assert.equal(await field.inputValue(), 'far too long for this service\nand this');
    const focused = `document.querySelector('jims-chat').shadowRoot.activeElement?.className`;
    assert.equal(await page.evaluate(focused), 'input');
    await own.waitFor({ state: 'detached' });
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Discard' }).click();
    await own.waitFor({ state: 'detached' });
    await page.getByRole('alert').waitFor({ state: 'detached' });
    assert.deepEqual(
      browser.errors.filter((error) => !error.includes('413')),
      [],
    );
  });

  test('a service that does not allow the origin of the page: the console names the option', async () => {
    await using served = await serveWidget(echo, '');
    await using other = await serveWidget(echo, '');
    await using browser = await openPage(served.origin);
    const { page } = browser;
    const warnings: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'warning') warnings.push(message.text());
    });
    const tag = `<script type="module" src="/widget.js"></script><jims-chat url="${other.origin}">`;
    await page.route('**/shop', (route) => route.fulfill({ contentType: 'text/html', body: tag }));
    await page.goto(`${served.origin}/shop`);
    await page.getByLabel('Message', { exact: true }).fill('Hello');
    await page.keyboard.press('Enter');
    await page.getByText('The chat cannot be reached').waitFor();
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.includes(`--cors-origin ${served.origin}`), warnings[0]);
  });
});
