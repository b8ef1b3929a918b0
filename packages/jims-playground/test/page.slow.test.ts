import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { ThreadContext } from 'jims-core';
import { takeOver } from 'jims-core/host';
import { replayConversation } from 'jims-core/testing';
import type { Locator, Page } from 'playwright-core';

import { CodeFeed } from '../../jims-api/src/server/code-feed.ts';
import { accessibilityFaults as faults } from '../../jims-api/test/support/accessibility.ts';
import { downloaded, openPage } from '../../jims-api/test/support/browser.ts';
import { servePlayground } from './support/served-playground.ts';
import { WHOLE_TALK, supportApp } from './support/support-app.ts';
import { tryingApp } from './support/trying-app.ts';

const INSPECTOR = 'aside[aria-label="Inspector"]';

describe('the playground', () => {
  test('a talk with the support example: its runs, run again, saved as a test that passes', async () => {
    const app = supportApp(WHOLE_TALK);
    await using service = await servePlayground(app);
    await using browser = await openPage(`${service.origin}/`);
    const { page, errors } = browser;
    await wide(page);
    await say(page, 'Can I return a tent?');
    await answered(page, 'Yes, within 30 days');
    await say(page, 'Where is my order 1042?');
    await answered(page, 'It is with you on Thursday.');
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await inspector.locator('[data-kind=tool]', { hasText: 'find_order' }).waitFor();
    await inspector.getByText('Stored').waitFor();
    assert.deepEqual(await names(inspector, 'model'), ['scripted', 'scripted', 'scripted']);
    assert.deepEqual(await names(inspector, 'tool'), ['find_order']);

    const last = inspector.locator('[data-kind=model]').last();
    await last.locator('summary').first().click();
    await last.getByText('You are the support of a shop for tents').first().waitFor();
    await last.getByText('It is with you on Thursday.').first().waitFor();
    await last
      .getByText(/^Prompt/)
      .first()
      .waitFor();
    assert.match(await last.locator('.facts').last().innerText(), /Prompt\s*\d+ token/);

    assert.match(await code(inspector), /^curl -N 'http:.*\/api\/v1\/chat\/stream'/);
    assert.match(await code(inspector), /"message":"Where is my order 1042\?"/);
    await inspector.getByRole('tab', { name: 'jims-client' }).click();
    assert.match(await code(inspector), /jims\.stream\("Where is my order 1042\?", \{/);

    // The first run, by its message.
    await inspector.getByRole('button', { name: 'Older run' }).click();
    await inspector.locator('[data-kind=tool]', { hasText: 'search_pages' }).waitFor();
    await page.waitForURL(/#\/threads\/[^/]+\/runs\/[^/]+$/);
    await inspector.getByRole('tab', { name: 'Protocols' }).click();
    await inspector.getByRole('combobox', { name: 'Protocol' }).selectOption('openai-chat');
    await inspector.getByText('"object":"chat.completion.chunk"').waitFor();
    await inspector.getByRole('tab', { name: 'Log' }).click();
    assert.equal(await inspector.getByText('support.answered').count(), 2);
    await inspector.getByLabel('support').uncheck();
    assert.equal(await inspector.getByText('support.answered').count(), 0);
    await inspector.getByRole('tab', { name: 'App' }).click();
    await inspector.getByText('/ag-ui', { exact: true }).waitFor();

    const [file, json] = await downloaded(page, page.getByRole('button', { name: 'Save as test' }));
    assert.equal(file, 'where-order-1042-is.conversation.json');
    const saved = page.getByRole('dialog', { name: 'Saved as a test' });
    assert.match(
      await saved.getByRole('region', { name: 'The test' }).innerText(),
      /new URL\('\.\/where-order-1042-is\.conversation\.json', import\.meta\.url\);\ntest\('Where order 1042 is', \(\) => replayConversation\(app, file\)\);/,
    );
    await saved.getByRole('button', { name: 'Copy the code' }).waitFor();
    assert.deepEqual(await faults(page), []);
    await saved.getByRole('button', { name: 'Done' }).click();
    await saved.waitFor({ state: 'detached' });
    await using again = defineApp(supportApp([]));
    await replayConversation(again, JSON.parse(json));
    assert.deepEqual(errors, []);
  });

  test('the app greets when a chat is opened, and in a new thread: its buttons can be clicked', async () => {
    await using service = await servePlayground({
      durable: true,
      async conversationStartPipeline(ctx) {
        const buttons = [{ id: 'funghi', text: 'With mushrooms' }];
        const reply = await ctx.ask(`Welcome, ${ctx.contactId}!`, { buttons });
        if (reply.kind === 'message') ctx.sendMessage(`One ${reply.buttonId}`);
      },
      pipeline: (ctx) => ctx.sendMessage('Hm?'),
    });
    const { app, origin } = service;
    await using browser = await openPage(`${origin}/`);
    const { page, errors } = browser;
    await wide(page);
    const greeted = page.getByRole('heading', { name: 'Welcome, playground!' });
    await greeted.waitFor();
    await page.locator('.thread-title', { hasText: 'Welcome, playground!' }).waitFor();
    await page.getByRole('button', { name: 'With mushrooms' }).click();
    await answered(page, 'One funghi');
    const [first] = (await app.threads.list({ limit: 9 })).threads;
    assert.equal(new URL(page.url()).hash, `#/threads/${first?.id}`);
    await page.reload();
    await answered(page, 'One funghi');

    await page.getByLabel('Talk as').fill('anna');
    await page.keyboard.press('Tab');
    await page.getByRole('button', { name: 'New', exact: true }).click();
    await page.getByRole('heading', { name: 'Welcome, anna!' }).waitFor();
    await page.getByRole('button', { name: 'With mushrooms' }).waitFor();
    const { threads } = await app.threads.list({ limit: 9 });
    assert.deepEqual(
      threads.map(({ contactId }) => contactId),
      ['anna', 'playground'],
    );
    assert.deepEqual(errors, []);
  });

  test('a run is shown while it goes on, and can be stopped', async () => {
    const app = tryingApp();
    await using service = await servePlayground(app);
    await using browser = await openPage(`${service.origin}/`);
    const { page, errors } = browser;
    await wide(page);
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await say(page, 'wait');
    await inspector.locator('[data-kind=step]', { hasText: 'before the gate' }).waitFor();
    await inspector.locator('.status.running').waitFor();
    await inspector.getByRole('button', { name: 'Stop' }).click();
    await inspector.locator('.status.cancelled').waitFor();

    await say(page, 'wait');
    await inspector.locator('.status.running').waitFor();
    app.gate.open();
    await inspector.getByText('Stored').waitFor();
    await inspector.locator('.status.completed').waitFor();
    assert.deepEqual(errors, []);
  });

  test('a run that failed: what was thrown, and where; a state, as a difference; run again', async () => {
    await using service = await servePlayground(tryingApp());
    await using browser = await openPage(`${service.origin}/`);
    const { page } = browser;
    await wide(page);
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await say(page, 'keep one');
    await answered(page, 'Did keep one');
    await say(page, 'keep two');
    await answered(page, 'Did keep two');
    await inspector.getByLabel('How kept changed').getByText('"last": "two"').waitFor();
    const lines = await inspector
      .locator('.diff > [data-sign]:not([data-sign=" "])')
      .allInnerTexts();
    assert.deepEqual(
      lines.map((line) => line.replaceAll(/\s+/g, ' ').trim()),
      ['- removed "one"', '+ added "two"', '- removed "last": "one"', '+ added "last": "two"'],
    );

    await say(page, 'fail');
    await inspector.getByText('TypeError: The card was refused').waitFor();
    const excerpt = inspector.locator('.excerpt');
    assert.match(await excerpt.locator('figcaption').innerText(), /trying-app\.ts:\d+:\d+$/);
    assert.match(
      await excerpt.locator('.here').innerText(),
      /throw new TypeError\('The card was refused'/,
    );
    assert.equal(await excerpt.locator('.column').innerText(), 'n');
    await inspector.getByText('Caused by Error: socket hang up').waitFor();
    await page.locator('.thread-row').getByText('failed', { exact: true }).waitFor();
    assert.equal(await inspector.getByRole('button', { name: 'Retry' }).count(), 0);

    const failed = page.url();
    await inspector.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((url) => url.href !== failed && url.hash.startsWith('#/threads/'));
    await inspector.getByText('TypeError: The card was refused').waitFor();
    // The copy has what was before; the old thread is as it was.
    await answered(page, 'Did keep two');
    assert.equal(await page.locator('.thread-row').count(), 2);
    await page.getByRole('heading', { name: 'keep one (copy)' }).waitFor();
    const copy = page.url();
    await inspector.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((url) => url.href !== copy);
    await page.getByRole('heading', { name: 'keep one (copy 2)' }).waitFor();
    const second = page.url();
    await page.locator('jims-chat').getByRole('button', { name: 'Try again' }).click();
    await page.waitForURL((url) => url.href !== second);
    await page.getByRole('heading', { name: 'keep one (copy 3)' }).waitFor();
  });

  test('a durable run that changed code has stopped goes on; one that an answer began says so', async () => {
    const asking = {
      durable: true,
      async pipeline(ctx: ThreadContext): Promise<void> {
        const said = await ctx.ask('Which size?');
        ctx.sendMessage(`Size ${said.kind === 'message' ? said.text : '?'}`);
      },
    };
    const other = { durable: true, pipeline: (ctx: ThreadContext) => ctx.sendMessage('One size') };
    await using service = await servePlayground(asking);
    const { app, origin, store } = service;
    await using browser = await openPage(`${origin}/`);
    const { page, errors } = browser;
    await wide(page);
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await say(page, 'order');
    await answered(page, 'Which size?');
    assert.deepEqual(takeOver(app, defineApp({ ...other, store })), []);
    await say(page, 'large');
    await inspector.locator('.status.failed').waitFor();
    const mark = page.locator('.thread-row').getByText('failed', { exact: true });
    await mark.waitFor();
    await page.locator('jims-chat').getByRole('button', { name: 'Try again' }).waitFor();
    assert.deepEqual(takeOver(app, defineApp({ ...asking, store })), []);
    const failed = page.url();
    await inspector.getByRole('button', { name: 'Retry' }).click();
    await answered(page, 'Size large');
    await inspector.locator('.status.completed').waitFor();
    await mark.waitFor({ state: 'detached' });
    await page
      .locator('jims-chat')
      .getByRole('button', { name: 'Try again' })
      .waitFor({ state: 'detached' });
    assert.equal(page.url(), failed);

    await inspector.getByText('This run goes on with what an earlier one began').waitFor();
    await inspector.getByRole('button', { name: 'Run again from its first message' }).click();
    await page.getByRole('heading', { name: 'order (copy)' }).waitFor();
    await answered(page, 'Which size?');
    await inspector.locator('.status.waiting').waitFor();
    assert.deepEqual(errors, []);
  });

  test('a question to a service is answered in the page; an edited message goes on in a copy', async () => {
    await using service = await servePlayground(supportApp(WHOLE_TALK.slice(-1)));
    await using other = await servePlayground(tryingApp());
    await using browser = await openPage(`${service.origin}/`);
    const { page, errors } = browser;
    await wide(page);
    await say(page, 'Can I talk to a person?');
    const question = page.getByRole('form', { name: 'Question to a service' });
    await question.getByText('answer a customer').waitFor();
    await page.locator('.thread-row').getByText('needs an answer').waitFor();
    await question.getByText('"Can I talk to a person?"', { exact: true }).waitFor();
    assert.equal(await question.getByRole('textbox').inputValue(), '{"text":""}');
    await question.getByRole('textbox').fill('{"text": "This is Anna."}');
    await question.getByRole('button', { name: 'Answer' }).click();
    await answered(page, 'This is Anna.');
    await question.waitFor({ state: 'detached' });
    await page.locator('.thread-row').getByText('needs an answer').waitFor({ state: 'detached' });
    const picked = page
      .getByRole('combobox', { name: 'Run', exact: true })
      .locator('option:checked');
    assert.match(await picked.innerText(), /· answer a customer$/);
    await page.locator('[data-kind=end]').getByText('Stored').waitFor();

    await page.goto(`${other.origin}/#/threads/0199d3a0-6f5e-7c3a-9d0e-000000000001`);
    await page.getByRole('heading', { name: 'Not found' }).waitFor();
    await page.getByRole('button', { name: 'New', exact: true }).click();
    await say(page, 'keep one');
    await answered(page, 'Did keep one');
    const { hash } = new URL(page.url());
    const chat = page.locator('jims-chat');
    await chat.getByText('keep one', { exact: true }).hover();
    await chat.getByRole('button', { name: 'Edit' }).click();
    await chat.getByRole('textbox', { name: 'Edit' }).fill('keep three');
    await page.keyboard.press('Enter');
    await answered(page, 'Did keep three');
    await page.waitForURL((url) => url.hash !== hash);
    await page.getByLabel('How kept changed').getByText('"last": "three"').waitFor();
    // The thread that is not found is a 404, and nothing else went wrong.
    assert.deepEqual(
      errors.filter((error) => !error.includes('404')),
      [],
    );
  });

  test('a run with thousands of entries is a page of them', async () => {
    await using service = await servePlayground(tryingApp());
    await using browser = await openPage(`${service.origin}/`);
    const { page } = browser;
    await wide(page);
    await say(page, 'many');
    await answered(page, 'Did many');
    const more = page.getByRole('button', { name: /^Show 200 more of/ });
    await more.waitFor();
    assert.equal(await page.locator('.entries > li').count(), 200);
    await more.click();
    assert.equal(await page.locator('.entries > li').count(), 400);
  });

  test('threads: searched, of a contact, renamed, deleted, by their address', async () => {
    await using service = await servePlayground(tryingApp());
    const { app, origin } = service;
    const ids: string[] = [];
    for (let n = 0; n < 35; n += 1) {
      const thread = await app.threads.getOrCreate({
        contactId: n === 3 ? 'customer:42' : 'playground',
      });
      await thread.appendUserMessage(n === 3 ? 'A rare pelican' : `Message ${n}`);
      ids.push(thread.thread.id);
    }
    await using browser = await openPage(`${origin}/#/threads/${ids[3]}`);
    const { page, errors } = browser;
    await wide(page);
    await page.getByRole('heading', { name: 'A rare pelican' }).waitFor();
    const rows = page.locator('.thread-row');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 30);
    await page.getByRole('button', { name: 'Load more' }).click();
    await waitFor(async () => (await rows.count()) === 35);
    await page.getByLabel('this contact').check();
    await page.getByRole('button', { name: 'Load more' }).click();
    await waitFor(async () => (await rows.count()) === 34);
    await page.getByLabel('this contact').uncheck();
    await page.getByLabel('Search in threads').fill('pelic');
    await waitFor(async () => (await rows.count()) === 1);

    await rows.hover();
    await page.getByRole('button', { name: 'Rename A rare pelican' }).click();
    await page.getByRole('textbox', { name: 'Title' }).fill('A common gull');
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    await page.getByRole('heading', { name: 'A common gull' }).waitFor();
    await rows.hover();
    await page.getByRole('button', { name: 'Delete A common gull' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { name: 'New thread' }).waitFor();
    assert.equal(await app.threads.find(ids[3] ?? ''), undefined);

    await page.getByLabel('Talk as').fill('anna');
    await page.getByText('of new threads').click();
    await page.getByLabel('thread_config, JSON').fill('{"lang": "de"}');
    await page.keyboard.press('Tab');
    await say(page, 'hi');
    await answered(page, 'Did hi');
    const { threads } = await app.threads.list({ contactId: 'anna', limit: 10 });
    assert.deepEqual(
      threads.map(({ config }) => config),
      [{ lang: 'de' }],
    );
    // What the page was reading of the thread when it was deleted is a 404, and the browser says so.
    const own = errors.filter((error) => !error.includes('status of 404'));
    assert.deepEqual(own, []);
  });

  test('by the keyboard alone', async () => {
    await using service = await servePlayground(tryingApp());
    await using browser = await openPage(`${service.origin}/`);
    const { page } = browser;
    await wide(page);
    const { keyboard } = page;
    await page.locator('jims-chat textarea').waitFor();
    await keyboard.press('c');
    await keyboard.type('keep it? [1]');
    await keyboard.press('Enter');
    await answered(page, 'Did keep it? [1]');
    await page.locator('body').press('Escape');
    await page.evaluate('document.activeElement.blur()');
    await keyboard.press('i');
    await keyboard.press('2');
    await page.getByText('comm.user_message').waitFor();
    await keyboard.press('1');
    const first = page.locator('.entry > summary').first();
    await first.focus();
    await keyboard.press('Enter');
    await page.locator('.entry[open]').waitFor();
    await page.getByRole('tab', { name: 'Run' }).focus();
    await keyboard.press('End');
    await page.getByRole('heading', { name: 'Trying', level: 3 }).waitFor();
    await keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'App');
    await keyboard.press('n');
    await page.getByRole('heading', { name: 'New thread' }).waitFor();
  });

  test('a service with keys: the page asks for one, and keeps it for its tab', async () => {
    await using service = await servePlayground(tryingApp(), { apiKeys: ['s3cret'] });
    await using browser = await openPage(`${service.origin}/`);
    const { page } = browser;
    // One of the refusals of the wrong key comes when the right one is in use.
    const late = Promise.withResolvers<void>();
    let held = 0;
    await page.route('**/api/v1/threads?*', async (route) => {
      const isWrong = route.request().headers()['authorization'] === 'Bearer wrong';
      if (isWrong && held++ === 0) await late.promise;
      await route.continue().catch(() => {});
    });
    await page.getByRole('heading', { name: 'This service wants a key' }).waitFor();
    await page.getByLabel('Key').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('The service does not know this key.').waitFor();
    await page.getByLabel('Key').fill('s3cret');
    await page.keyboard.press('Enter');
    await page.locator('jims-chat textarea').waitFor();
    late.resolve();
    await say(page, 'hello');
    await answered(page, 'Did hello');
    await page.reload();
    await answered(page, 'Did hello');
    assert.doesNotMatch(String(await page.evaluate('JSON.stringify(localStorage)')), /s3cret/);
    assert.match(await code(page.locator('#panel')), /\$JIMS_API_KEY/);
    assert.doesNotMatch(await page.content(), /s3cret/);
  });

  test('code that does not load is shown, until it does', async () => {
    const feed = new CodeFeed();
    feed.set({ type: 'loaded', generation: 1, ms: 80 });
    await using service = await servePlayground(tryingApp(), { code: feed });
    await using browser = await openPage(`${service.origin}/`);
    const { page, errors } = browser;
    await wide(page);
    await page.getByRole('heading', { name: 'Trying', level: 1 }).waitFor();
    feed.set({
      type: 'broken',
      generation: 1,
      message: "Expected ';'",
      file: 'app.ts',
      line: 2,
      column: 7,
      excerpt: [
        { line: 1, text: 'const a = 1;' },
        { line: 2, text: 'const b' },
      ],
    });
    const alert = page.getByRole('alert').filter({ hasText: 'The code does not load.' });
    await alert.getByText("Expected ';'").waitFor();
    await alert.getByText('the last code that loaded is in service').waitFor();
    assert.match(await alert.locator('.here').innerText(), /const b/);
    assert.deepEqual(await faults(page), []);
    feed.set({
      type: 'broken',
      generation: 0,
      message: 'No such file',
      file: null,
      line: null,
      column: null,
      excerpt: [],
    });
    await alert.getByText('None has loaded yet').waitFor();
    feed.set({ type: 'loaded', generation: 2, ms: 90 });
    await page.getByText('New code is live · 90 ms').waitFor();
    await alert.waitFor({ state: 'detached' });
    assert.deepEqual(errors, []);
  });

  test('axe finds nothing, wide and on a phone, light and dark', async () => {
    await using service = await servePlayground(tryingApp());
    await using browser = await openPage(`${service.origin}/`);
    const { page, errors } = browser;
    await wide(page);
    assert.deepEqual(await faults(page), []);
    await say(page, 'keep one');
    await answered(page, 'Did keep one');
    await say(page, 'fail');
    await page.getByText('TypeError: The card was refused').waitFor();
    await page.locator('.entry > summary').first().click();
    assert.deepEqual(await faults(page), [], 'light');
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await faults(page, { rules: ['color-contrast'] }), [], 'dark');
    for (const tab of ['Log', 'Protocols', 'App']) {
      await page.getByRole('tab', { name: tab, exact: true }).click();
      assert.deepEqual(await faults(page, { within: INSPECTOR }), [], tab);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    for (const view of ['Threads', 'Chat', 'Inspector']) {
      await page.getByRole('group', { name: 'Pane' }).getByRole('button', { name: view }).click();
      // Of the inspector no other part is shown than in a wide window.
      if (view !== 'Inspector') assert.deepEqual(await faults(page), [], view);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    }
    await page
      .getByRole('group', { name: 'Pane' })
      .getByRole('button', { name: 'Threads' })
      .click();
    await page
      .getByRole('button', { name: /^Delete/ })
      .first()
      .click();
    assert.deepEqual(await faults(page), [], 'a dialog');
    assert.deepEqual(errors, []);
  });
});

async function wide(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1440, height: 900 });
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator('jims-chat textarea').fill(text);
  await page.keyboard.press('Enter');
}

async function answered(page: Page, text: string): Promise<void> {
  await page.locator('jims-chat').getByText(text).first().waitFor();
}

/** What the entries of a kind are called. */
function names(inspector: Locator, kind: string): Promise<string[]> {
  return inspector.locator(`[data-kind=${kind}] .entry-name`).allInnerTexts();
}

function code(inspector: Locator): Promise<string> {
  return inspector.locator('#request-panel pre').innerText();
}

async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(20);
}
