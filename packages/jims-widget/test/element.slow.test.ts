// What a page does with the element: where it is, what it is set to, and what it hears of it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { ThreadContext } from 'jims-core';
import type { Page } from 'playwright-core';

import { openPage } from '../../jims-api/test/support/browser.ts';
import { createGate } from '../../jims-api/test/support/gate.ts';
import { accessibilityFaults, serveWidget } from './support/widget-page.ts';

/** The name of what has the focus, within the element, too. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`{
    let element = document.activeElement;
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    element.getAttribute('aria-label') ?? element.textContent;
  }`);
}

async function untilFocused(page: Page, name: string): Promise<void> {
  while ((await focused(page)) !== name) await page.waitForTimeout(20);
}

describe('<jims-chat> in a page', () => {
  test('floating: by keyboard alone, on a phone, from right to left', async () => {
    const gate = createGate();
    await using served = await serveWidget(
      async (ctx) => {
        const { lastUserAction: action } = ctx;
        if (action?.name === 'user_button_click') {
          await gate.passed(ctx.signal);
          return ctx.sendMessage(`You chose ${action.content}.`);
        }
        return ctx.sendMessageWithButtons(`You said: ${action?.content}`, [
          { id: 'a', text: 'The harbour' },
          { id: 'b', text: 'The tower' },
        ]);
      },
      `<main><h1>A shop</h1><button>Buy</button></main>
       <jims-chat mode="floating" heading="Support" contact-id="customer:1"></jims-chat>`,
    );
    await using browser = await openPage(served.origin);
    const { page } = browser;
    const press = (...keys: string[]): Promise<void> =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    assert.deepEqual(await accessibilityFaults(page), []);

    await press('Tab', 'Tab');
    await untilFocused(page, 'Open chat');
    await press('Enter');
    await page.getByRole('dialog', { name: 'Support' }).waitFor();
    await untilFocused(page, 'Message');
    assert.equal(await page.getByRole('button', { name: 'Close chat' }).count(), 1);
    await page.keyboard.type('one');
    await press('Shift+Enter');
    await page.keyboard.type('two');
    // The Enter that takes a word of an input method.
    await page.evaluate(`document.querySelector('jims-chat').shadowRoot.activeElement.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, composed: true }))`);
    assert.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'one\ntwo');
    await press('Enter');
    await page.getByRole('button', { name: 'The tower' }).waitFor();
    await untilFocused(page, 'Message');
    assert.deepEqual(await accessibilityFaults(page), []);

    while ((await focused(page)) !== 'The tower') await press('Shift+Tab');
    await press('Enter');
    await page.getByText('Thinking…').waitFor();
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await untilFocused(page, 'Open chat');
    gate.open();
    await page.getByRole('button', { name: 'Open chat, new message' }).waitFor();

    await page.setViewportSize({ width: 390, height: 700 });
    await press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('You chose b.').first().waitFor();
    assert.deepEqual(await dialog.boundingBox(), { x: 0, y: 0, width: 390, height: 700 });
    assert.equal(await page.getByRole('button', { name: 'Close chat' }).count(), 1);
    const stops: string[] = [];
    for (let count = 0; count < 30; count++) {
      await press('Tab');
      stops.push(await focused(page));
    }
    assert.ok(!stops.includes('Buy') && stops.includes('Close chat'), stops.join());
    assert.deepEqual(await accessibilityFaults(page), []);
    await press('Escape');

    await page.setViewportSize({ width: 900, height: 700 });
    await page.evaluate(`document.documentElement.dir = 'rtl'`);
    await page.getByRole('button', { name: 'Open chat' }).click();
    const box = await dialog.boundingBox();
    assert.equal(box?.x, 24);
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(browser.errors, []);
  });

  test('the app greets when the chat is seen, and once: not again after a reload, anew in a new chat', async () => {
    await using served = await serveWidget(
      {
        pipeline: (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`),
        conversationStartPipeline: (ctx) => ctx.sendMessage('Welcome to the shop!'),
      },
      '<main><h1>A shop</h1></main><jims-chat mode="floating" greet></jims-chat>',
    );
    await using browser = await openPage(served.origin);
    const { page } = browser;
    const greeting = page.getByRole('listitem').getByText('Welcome to the shop!');
    const threads = async (): Promise<number> =>
      (await served.app.threads.list({ limit: 10 })).threads.length;
    const open = page.getByRole('button', { name: 'Open chat' });
    await open.waitFor();
    assert.equal(await threads(), 0);
    await open.click();
    await greeting.waitFor();
    await page.reload();
    await open.click();
    await greeting.waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByLabel('Message', { exact: true }).fill('Hi');
    await page.keyboard.press('Enter');
    await page.getByRole('listitem').getByText('You said: Hi').waitFor();
    assert.deepEqual([await greeting.count(), await threads()], [1, 1]);
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByText('You said: Hi').waitFor({ state: 'detached' });
    await greeting.waitFor();
    assert.equal(await threads(), 2);
    assert.deepEqual(browser.errors, []);
  });

  test('texts, token, actions and listeners, set before and after it is defined; it may be loaded twice', async () => {
    await using served = await serveWidget(
      (ctx: ThreadContext) => {
        const { shop } = ctx.threadConfig['client'] as { shop: string };
        return ctx.sendMessage(`${ctx.contactId} in ${shop}`);
      },
      '<main><h1>Help</h1></main>',
      {
        authenticate: async (request) => {
          const contactId = request.headers.get('authorization')?.slice('Bearer '.length);
          return contactId ? { kind: 'contact', id: contactId, contactId } : undefined;
        },
      },
    );
    await using browser = await openPage(`${served.origin}/style.css`);
    const { page } = browser;
    await page.goto(served.origin);
    // A bundle of the page may hold the widget, too.
    await page.evaluate(`import('/widget.js?again')`);
    await page.evaluate(`{
      window.heard = [];
      const chat = document.createElement('jims-chat');
      chat.texts = { placeholder: 'Frag uns', send: 'Senden', errors: { other: 'Ach' } };
      chat.threadConfig = { shop: 'Berlin' };
      chat.messageActions = [{
        label: 'Inspect',
        isFor: ({ role }) => role === 'assistant',
        act: ({ text }) => window.heard.push(['act', text]),
      }];
      for (const type of ['jims-thread', 'jims-run', 'jims-message-select']) {
        chat.addEventListener(type, ({ detail }) => window.heard.push([type, detail.text ?? typeof detail]));
      }
      document.querySelector('main').append(chat);
      chat.token = () => 'anna';
    }`);
    await page.getByPlaceholder('Frag uns').fill('Hallo');
    await page.getByRole('button', { name: 'Senden' }).click();
    const answer = page.getByRole('listitem').getByText('anna in Berlin');
    await answer.click();
    await page.getByRole('button', { name: 'Inspect' }).click();
    await page.getByRole('button', { name: 'Show details' }).last().focus();
    await page.keyboard.press('Enter');
    assert.deepEqual(await page.evaluate('window.heard'), [
      ['jims-thread', 'string'],
      ['jims-run', 'string'],
      ['jims-message-select', 'anna in Berlin'],
      ['act', 'anna in Berlin'],
      ['jims-message-select', 'anna in Berlin'],
    ]);

    // The tab remembers its thread, an element that names one does not care, and one that moves keeps its chat.
    const threadId = await page.evaluate(`document.querySelector('jims-chat').threadId`);
    await page.evaluate(`{
      const chat = document.querySelector('jims-chat');
      window.before = chat.chat;
      document.body.append(chat);
    }`);
    await answer.waitFor();
    assert.equal(
      await page.evaluate(`window.before === document.querySelector('jims-chat').chat`),
      true,
    );
    await page.evaluate(`document.querySelector('jims-chat').chat = {
      subscribe: () => () => {},
      getSnapshot: () => ({ threadId: 'other', messages: [], status: 'ready', hasOlder: false }),
    }`);
    await page.getByText('How can we help?').waitFor();
    assert.equal(await page.evaluate(`document.querySelector('jims-chat').threadId`), 'other');
    await page.reload();
    await page.evaluate(`{
      const chat = document.createElement('jims-chat');
      chat.token = 'anna';
      document.querySelector('main').append(chat);
    }`);
    await answer.waitFor();
    assert.equal(await page.evaluate(`document.querySelector('jims-chat').threadId`), threadId);
    assert.deepEqual(browser.errors, []);

    // Somebody else signs in: the thread is not theirs.
    await page.evaluate(`{
      const chat = document.createElement('jims-chat');
      chat.token = 'bob';
      document.querySelector('jims-chat').replaceWith(chat);
    }`);
    await page.getByText('How can we help?').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
  });
});
