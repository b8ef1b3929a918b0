import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';
import type { JimsApp, ThreadContext } from 'jims-core';
import type { Locator, Page } from 'playwright-core';

import { serveDeepChatPage } from '../../../../examples/deep-chat-page/server.ts';
import { openPage } from '../support/browser.ts';
import { createGate } from '../support/gate.ts';
import { HOURS, PLAN } from '../support/parts-pipeline.ts';
import { tourGuide } from '../support/tour-guide.ts';

process.env['JIMS_DB_CONN_URI'] = 'sqlite::memory:';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

function appOf(pipeline: (ctx: ThreadContext) => unknown): JimsApp {
  return defineApp({ pipeline, store: 'sqlite::memory:' });
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('#text-input').fill(text);
  await page.keyboard.press('Enter');
}

function bubble(page: Page, text: string): Locator {
  return page.locator('.message-bubble').getByText(text, { exact: true });
}

test('the tour guide answers in Deep Chat: a message, and buttons that answer for the visitor', async () => {
  await using served = await serveDeepChatPage(tourGuide(), 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'hello');
  await bubble(page, 'Hello! Where shall we go?').waitFor();
  await page.getByRole('button', { name: 'The water tower' }).click();
  await bubble(page, 'The water tower').waitFor();
  // Before this text the buttons and the status are still those of the question.
  await page.locator('.message-bubble').getByText('212 steps').waitFor();
  await page.getByRole('button', { name: 'The old harbour' }).waitFor();
  assert.equal(await page.getByRole('status').textContent(), '');
  assert.equal(await page.getByRole('button', { name: 'The water tower' }).count(), 0);
  assert.deepEqual(browser.errors, []);
});

test('a status is shown until there is text, and the text is seen to grow', async () => {
  const thought = createGate();
  const gate = createGate();
  const app = appOf(async (ctx) => {
    ctx.updateAgentStatus('thinking');
    await thought.passed(ctx.signal);
    await ctx.sendMessage(
      (async function* () {
        yield 'one ';
        await gate.passed(ctx.signal);
        yield 'two';
      })(),
    );
  });
  await using served = await serveDeepChatPage(app, 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'go');
  await page.getByRole('status').getByText('thinking').waitFor();
  thought.open();
  await bubble(page, 'one').waitFor();
  assert.equal(await page.getByRole('status').textContent(), '');
  gate.open();
  await bubble(page, 'one two').waitFor();
});

test('the stop button ends the run, and the visitor goes on in the same thread', async () => {
  const stopped = Promise.withResolvers<void>();
  const gate = createGate();
  const app = appOf(async (ctx) => {
    if (ctx.lastUserMessage !== 'go') return ctx.sendMessage(`${ctx.history.length} so far`);
    ctx.signal.addEventListener('abort', () => stopped.resolve());
    await ctx.sendMessage(
      (async function* () {
        yield 'part';
        await gate.passed(ctx.signal);
      })(),
    );
  });
  await using served = await serveDeepChatPage(app, 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'go');
  await bubble(page, 'part').waitFor();
  await page.locator('.input-button.inside-end').click();
  await stopped.promise;
  await say(page, 'more');
  await bubble(page, '3 so far').waitFor();
});

test('a broken run is shown as an error, and the next message is answered', async () => {
  let broken = true;
  await using served = await serveDeepChatPage(
    appOf((ctx) => {
      if (broken) throw new Error('kaboom');
      ctx.sendMessage('well again');
    }),
    0,
  );
  await using browser = await openPage(served.origin);
  await say(browser.page, 'go');
  await browser.page.locator('.error-message-text').waitFor();
  broken = false;
  await say(browser.page, 'go');
  await bubble(browser.page, 'well again').waitFor();
});

test('Deep Chat without a stream shows several messages, and takes a list as the answer', async () => {
  await using served = await serveDeepChatPage(
    appOf((ctx) => {
      ctx.sendMessage('one');
      ctx.sendMessageWithButtons('two', [{ text: 'A', id: 'a' }]);
    }),
    0,
  );
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await page.evaluate(`
    const chat = document.createElement('deep-chat');
    chat.id = 'plain';
    chat.connect = { url: '/deep-chat', additionalBodyProps: { contact_id: 'c:1' } };
    document.querySelector('#chat').replaceChildren(chat);
  `);
  await page.locator('#plain #text-input').fill('go');
  await page.keyboard.press('Enter');
  await bubble(page, 'one').waitFor();
  await bubble(page, 'two').waitFor();
  await page.locator('.message-bubble').getByRole('button', { name: 'A' }).waitFor();
});

test('an image is shown beside the text that goes on, and sources are links under it', async () => {
  await using served = await serveDeepChatPage(
    appOf((ctx) => {
      const said = { role: 'assistant', content: '' };
      ctx.sendEvent('comm.assistant_message', { ...said, content: 'one', sources: [HOURS] });
      ctx.sendEvent('comm.assistant_message', { ...said, files: [PLAN] });
      ctx.sendMessage('two');
    }),
    0,
  );
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await page.route(`**/api/v1/files/${PLAN.file_id}`, (route) =>
    route.fulfill({ contentType: 'image/png', body: PIXEL }),
  );
  await say(page, 'go');
  const image = page.locator(`.message-bubble img[src$="/api/v1/files/${PLAN.file_id}"]`);
  await image.waitFor();
  await page
    .locator('.message-bubble')
    .filter({ hasText: /one\s*two/ })
    .waitFor();
  const link = page.getByRole('link', { name: HOURS.title });
  assert.equal(await link.getAttribute('href'), HOURS.url);
  assert.deepEqual(browser.errors, []);
});

test('a picture that the visitor adds comes with the message, with and without words', async () => {
  const seen: unknown[] = [];
  const app = appOf((ctx) => {
    const last = ctx.history.at(-1);
    const files = Array.isArray(last?.['files']) ? last['files'] : [];
    seen.push([last?.content, files.map(({ name, size }) => [name, size])]);
    ctx.sendMessage(`I see ${seen.length}`);
  });
  await using served = await serveDeepChatPage(app, 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;

  async function add(): Promise<void> {
    const chosen = page.waitForEvent('filechooser');
    await page.locator('#upload-mixed-files-icon').click();
    await (await chosen).setFiles({ name: 'pixel.png', mimeType: 'image/png', buffer: PIXEL });
    await page.locator('.image-attachment, .file-attachment').first().waitFor();
  }

  await add();
  await say(page, 'What is it?');
  await bubble(page, 'I see 1').waitFor();
  await add();
  await page.locator('#text-input').press('Enter');
  await bubble(page, 'I see 2').waitFor();
  const files = [['pixel.png', PIXEL.byteLength]];
  assert.deepEqual(seen, [
    ['What is it?', files],
    ['', files],
  ]);
  assert.deepEqual(browser.errors, []);
});
