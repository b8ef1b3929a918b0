import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defineApp } from 'jims-core';
import type { JimsApp, MessagePart, ThreadContext } from 'jims-core';
import type { Page } from 'playwright-core';

import { serveReactChat } from '../../../../examples/react-chat/server.ts';
import { fakeModels } from '../../../jims-core/test/support/fake-models.ts';
import { addFile, downloaded, isSeen, openPage } from '../support/browser.ts';
import { createGate } from '../support/gate.ts';
import type { Gate } from '../support/gate.ts';
import { tourGuide } from '../support/tour-guide.ts';

process.env['JIMS_DB_CONN_URI'] = 'sqlite::memory:';

function appOf(pipeline: (ctx: ThreadContext) => unknown): JimsApp {
  return defineApp({ pipeline, store: 'sqlite::memory:' });
}

/** Says one word, waits at the gate, says another one. */
function twoWords(gate: Gate, onAbort: () => void = () => {}): JimsApp {
  return appOf(async (ctx) => {
    if (ctx.lastUserMessage !== 'go') return ctx.sendMessage(`${ctx.history.length} so far`);
    ctx.signal.addEventListener('abort', onAbort);
    ctx.updateAgentStatus('counting');
    await ctx.sendMessage(
      (async function* () {
        yield 'one ';
        await gate.passed(ctx.signal);
        yield 'two';
      })(),
    );
  });
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

function untilSaid(page: Page, text: string): Promise<void> {
  return page.locator('.messages p').getByText(text, { exact: true }).waitFor();
}

/** What is on the page, by whom. */
async function messagesOf(page: Page): Promise<string[]> {
  const texts = await page.locator('.messages .user, .messages .assistant').allInnerTexts();
  return texts.map((text) => text.trim());
}

test('the tour guide answers on the React page: a status, a message, buttons that answer for the visitor', async () => {
  await using served = await serveReactChat(tourGuide(), 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'hello');
  await untilSaid(page, 'Hello! Where shall we go?');
  await page.getByRole('button', { name: 'The water tower' }).click();
  await page.getByRole('status').getByText('Walking to the water tower…').waitFor();
  await untilSaid(page, 'Where next?');
  await page.getByRole('button', { name: 'The old harbour' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'The water tower' }).count(), 0);
  assert.equal(await page.getByRole('status').textContent(), '');
  assert.equal((await messagesOf(page)).length, 5);
  assert.deepEqual(browser.errors, []);
});

test('text is seen to grow while the app still writes it', async () => {
  const gate = createGate();
  await using served = await serveReactChat(twoWords(gate), 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'go');
  await page.getByRole('status').getByText('counting').waitFor();
  await untilSaid(page, 'one');
  gate.open();
  await untilSaid(page, 'one two');
  await page.getByRole('button', { name: 'Send' }).waitFor();
});

test('a page loaded anew has what was said, and the answer goes on in it', async () => {
  const gate = createGate();
  await using served = await serveReactChat(twoWords(gate), 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'first');
  await untilSaid(page, '1 so far');
  await say(page, 'go');
  await untilSaid(page, 'one');
  await page.reload();
  await untilSaid(page, '1 so far');
  await untilSaid(page, 'one');
  await page.getByRole('status').getByText('counting').waitFor();
  gate.open();
  await untilSaid(page, 'one two');
  await page.getByRole('button', { name: 'Send' }).waitFor();
  assert.deepEqual(await messagesOf(page), ['first', '1 so far', 'go', 'one two']);
  await page.reload();
  await untilSaid(page, 'one two');
  assert.deepEqual(await messagesOf(page), ['first', '1 so far', 'go', 'one two']);
  await say(page, 'last');
  await untilSaid(page, '5 so far');
  assert.deepEqual(browser.errors, []);
});

test('the stop button ends the run, also after the page was loaded anew; what was seen stays', async () => {
  const stopped = Promise.withResolvers<void>();
  await using served = await serveReactChat(twoWords(createGate(), stopped.resolve), 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'go');
  await untilSaid(page, 'one');
  await page.reload();
  await untilSaid(page, 'one');
  await page.getByRole('button', { name: 'Stop' }).click();
  await stopped.promise;
  await page.getByRole('button', { name: 'Send' }).waitFor();
  assert.deepEqual(await messagesOf(page), ['go', 'one']);
  await say(page, 'more');
  await untilSaid(page, '3 so far');
});

test('a broken run is shown in words, and can be tried again', async () => {
  let broken = true;
  await using served = await serveReactChat(
    appOf((ctx) => {
      if (broken) throw new Error('kaboom');
      ctx.sendMessage(`${ctx.history.length} so far`);
    }),
    0,
  );
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'go');
  await page.getByRole('alert').getByText('Pipeline error').waitFor();
  broken = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await untilSaid(page, '1 so far');
  assert.equal(await page.getByRole('alert').count(), 0);
});

test('a new chat begins without what was said', async () => {
  await using served = await serveReactChat(
    appOf((ctx) => ctx.sendMessage(`${ctx.history.length} so far`)),
    0,
  );
  await using browser = await openPage(served.origin);
  const { page } = browser;
  await say(page, 'go');
  await untilSaid(page, '1 so far');
  await page.getByRole('button', { name: 'New chat' }).click();
  await page.getByText('Say anything to begin.').waitFor();
  await say(page, 'go');
  await untilSaid(page, '1 so far');
  assert.deepEqual(await messagesOf(page), ['go', '1 so far']);
});

const RED = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==',
  'base64',
);

/** Thinks, uses a tool, says where it has it from, sends a file, and then what the model says. */
async function* inParts(ctx: ThreadContext): AsyncGenerator<string | MessagePart> {
  yield { type: 'reasoning', text: 'It may be a shade of red.' };
  yield { type: 'tool-call', id: '1', name: 'find-shade', title: 'Comparing shades', input: {} };
  yield { type: 'tool-result', id: '1', output: 'a secret' };
  yield { type: 'source', url: 'https://example.com/red', title: 'All reds' };
  const data = new TextEncoder().encode('crimson\n');
  yield { type: 'file', name: 'shades of “red”.txt', mediaType: 'text/plain', data };
  for await (const piece of ctx.llm.stream(ctx.history)) yield piece;
}

test('a picture goes to the model; thoughts, tools, sources and files come with the answer', async () => {
  await using models = await fakeModels();
  const app = defineApp({
    pipeline: (ctx) => ctx.sendMessage(inParts(ctx), { keepReasoning: true }),
    store: 'sqlite::memory:',
    llm: models.provider({ model: 'gpt-4.1-mini' }),
  });
  await using served = await serveReactChat(app, 0);
  await using browser = await openPage(served.origin);
  const { page } = browser;
  const add = (name: string, buffer: Buffer): Promise<void> =>
    addFile(page, page.getByLabel('Add files'), { name, mimeType: 'image/png', buffer });
  await add('red.png', RED);
  await add('again.png', RED);
  await page.getByRole('button', { name: 'Leave out again.png' }).click();
  await say(page, 'What is it?');
  await untilSaid(page, 'echo: What is it?');
  assert.deepEqual(models.fake.requests[0]?.body.messages.at(-1).content.slice(1), [
    {
      type: 'image_url',
      image_url: { url: `data:image/png;base64,${RED.toString('base64')}` },
    },
  ]);

  async function requireAll(): Promise<void> {
    await isSeen(page.locator('.user').getByRole('img', { name: 'red.png' }));
    const thoughts = page.getByText('It may be a shade of red.');
    assert.equal(await thoughts.isVisible(), false);
    await page.getByText('Thoughts').click();
    assert.equal(await thoughts.isVisible(), true);
    const source = page.getByRole('link', { name: 'All reds' });
    assert.equal(await source.getAttribute('href'), 'https://example.com/red');
    const link = page.getByRole('link', { name: 'shades of “red”.txt' });
    assert.deepEqual(await downloaded(page, link), ['shades of “red”.txt', 'crimson\n']);
  }

  await page.getByText('✓ Comparing shades').waitFor();
  await requireAll();
  await page.reload();
  await requireAll();
  await say(page, 'And now?');
  await untilSaid(page, 'echo: And now?');
  assert.deepEqual(browser.errors, []);

  await add('text.png', Buffer.from('not a picture'));
  await say(page, 'Look');
  await page.getByRole('alert').getByText('The file is not image/png').waitFor();
  await add('fine.png', RED);
  await say(page, 'This one');
  await untilSaid(page, 'echo: This one');
  assert.equal(await page.getByRole('alert').count(), 0);
});
