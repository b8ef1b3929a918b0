import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';
import type { JimsApp, MessagePart, ThreadContext } from 'jims-core';
import type { Locator, Page } from 'playwright-core';

import { serveDeepChatPage } from '../../../../examples/deep-chat-page/server.ts';
import { fakeModels } from '../../../jims-core/test/support/fake-models.ts';
import { addFile, downloaded, isSeen, openPage } from '../support/browser.ts';
import { createGate } from '../support/gate.ts';
import { HOURS } from '../support/parts-pipeline.ts';
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
  await page.locator('#stop-icon').click();
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

test('pictures and files go both ways, and are there again when the page is loaded anew', async () => {
  await using models = await fakeModels();
  const app = defineApp({
    pipeline: async (ctx) => {
      const [picture] = ctx.files;
      if (!picture) return;
      if (!ctx.lastUserMessage) return ctx.sendMessage(`${ctx.history.length} so far`);
      await ctx.sendMessage(inParts(ctx, await picture.bytes()));
    },
    store: 'sqlite::memory:',
    llm: models.provider({ model: 'gpt-4.1-mini' }),
  });
  await using served = await serveDeepChatPage(app, 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  const add = async (name: string): Promise<void> => {
    const opener = page.locator('#upload-mixed-files-icon');
    await addFile(page, opener, { name, mimeType: 'image/png', buffer: PIXEL });
    await page.locator('.image-attachment, .file-attachment').first().waitFor();
  };
  await add('pixel.png');
  await say(page, 'What is it?');
  await page.locator('.message-bubble').getByText('echo: What is it?').waitFor();
  assert.deepEqual(models.fake.requests[0]?.body.messages.at(-1).content.slice(1), [
    {
      type: 'image_url',
      image_url: { url: `data:image/png;base64,${PIXEL.toString('base64')}` },
    },
  ]);

  async function requireAll(): Promise<void> {
    await bubble(page, 'What is it?').waitFor();
    const pictures = page.locator('.message-bubble img');
    await pictures.nth(1).waitFor();
    // What the visitor sent, and what came back.
    assert.equal(await pictures.count(), 2);
    for (const picture of await pictures.all()) await isSeen(picture);
    const source = page.getByRole('link', { name: HOURS.title });
    assert.equal(await source.getAttribute('href'), HOURS.url);
    const link = page.locator('.message-bubble a').filter({ hasText: 'list.txt' });
    assert.deepEqual(await downloaded(page, link), ['list.txt', 'crimson\n']);
  }

  await requireAll();
  await page.reload();
  await page.locator('.message-bubble').getByText('echo: What is it?').waitFor();
  await requireAll();
  // Without words.
  await add('pixel.png');
  await page.locator('#text-input').press('Enter');
  await bubble(page, '3 so far').waitFor();
  assert.deepEqual(browser.errors, []);
});

/** A message with a source, the picture that came, a file, and what the model says. */
async function* inParts(
  ctx: ThreadContext,
  picture: Uint8Array,
): AsyncGenerator<string | MessagePart> {
  yield 'Look: ';
  yield { type: 'source', ...HOURS };
  yield { type: 'file', name: 'copy.png', mediaType: 'image/png', data: picture };
  const data = new TextEncoder().encode('crimson\n');
  yield { type: 'file', name: 'list.txt', mediaType: 'text/plain', data };
  for await (const piece of ctx.llm.stream(ctx.history)) yield piece;
}
