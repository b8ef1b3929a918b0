import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Script } from 'node:vm';

import type { Page } from 'playwright-core';
import * as v from 'valibot';

import { accessibilityFaults } from '../support/accessibility.ts';
import { testApi } from '../support/api.ts';
import { openPage } from '../support/browser.ts';
import type { TestPage } from '../support/browser.ts';
import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';

const Document = v.object({
  paths: v.record(v.string(), v.record(v.string(), v.unknown())),
  components: v.object({ schemas: v.record(v.string(), v.unknown()) }),
});

async function servedPage(): Promise<{ html: string; policy: string }> {
  await using api = testApi(() => {});
  const response = await api.get('/docs');
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  const policy = response.headers.get('content-security-policy') ?? '';
  return { html: await response.text(), policy };
}

function between(html: string, tag: string): string {
  return new RegExp(`<${tag}>([^]*)</${tag}>`).exec(html)?.[1] ?? assert.fail(tag);
}

test('the documentation names no other server', async () => {
  const { html } = await servedPage();
  assert.doesNotMatch(html, /https?:|\/\/[a-z]/i);
  assert.doesNotMatch(html, /<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:,")/);
  assert.match(html, /openapi\.json/);
});

test('its policy lets nothing run or load but what the page holds', async () => {
  const { html, policy } = await servedPage();
  const hashOf = (tag: string): string =>
    `'sha256-${hash('sha256', between(html, tag), 'base64')}'`;
  assert.ok(policy.includes(`script-src ${hashOf('script')};`), policy);
  assert.ok(policy.includes(`style-src ${hashOf('style')};`), policy);
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe/);
});

test('its script is one that can run, and never writes HTML', async () => {
  const script = between((await servedPage()).html, 'script');
  assert.doesNotThrow(() => new Script(script));
  assert.doesNotMatch(script, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
});

test('a browser draws every operation and schema of the document, and sends what is tried', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`));
  const document = v.parse(Document, await (await fetch(`${served.origin}/openapi.json`)).json());
  const operations = Object.values(document.paths).flatMap((path) => Object.keys(path));
  const schemas = Object.keys(document.components.schemas);
  await using browser = await openPage(`${served.origin}/docs`);
  const main = browser.page.locator('main');
  await main.locator('.card').first().waitFor();
  assert.equal(await main.locator('.card').count(), operations.length + schemas.length);
  assert.equal(await browser.page.locator('nav li').count(), operations.length + schemas.length);
  const chat = main.locator('.card', {
    has: browser.page.getByText('/api/v1/chat', { exact: true }),
  });
  await chat.getByText('/api/v1/chat', { exact: true }).click();
  await chat.getByText('Try it').click();
  const body = JSON.stringify({ contact_id: 'c', message: 'Hi' });
  await chat.getByLabel('Request body').fill(body);
  await chat.getByRole('button', { name: 'Send' }).click();
  await chat.getByText('You said: Hi').waitFor();
  assert.deepEqual(browser.errors, []);
});

describe('the page in a browser', () => {
  let served: ServedApp;
  let browser: TestPage;
  before(async () => {
    served = await serveApp((ctx) => ctx.sendMessage('Hello'), { apiKeys: ['s3cret'] });
    browser = await openPage(`${served.origin}/docs`);
  });
  after(async () => {
    await browser[Symbol.asyncDispose]();
    await served[Symbol.asyncDispose]();
  });

  /** The page anew, at an address of its own, with the key typed in. */
  async function open(address = '', size = { width: 1200, height: 800 }): Promise<Page> {
    const { page } = browser;
    await page.setViewportSize(size);
    await page.goto('about:blank');
    await page.goto(`${served.origin}/docs${address}`);
    await page.getByText('This service needs a key').waitFor();
    await page.keyboard.type('s3cret');
    await page.keyboard.press('Enter');
    await page.locator('main .card').first().waitFor();
    return page;
  }

  test('all is folded; an address opens its operation, or its schema', async () => {
    const page = await open('#chat_stream');
    await page.locator('#chat_stream[open]').waitFor();
    assert.equal(await page.locator('main .card[open]').count(), 1);
    assert.ok(await isInView(page, '#chat_stream'));
    const current = page.locator('nav [aria-current]');
    assert.match(await current.innerText(), /Send a message and follow the answer/);
    // Its frames, and what is in them.
    const frames = page.locator('#chat_stream tr', { has: page.getByText('restarted') });
    assert.match(await frames.last().innerText(), /attempt/);
    await page.locator('#chat_stream').getByRole('link', { name: 'ChatRequest' }).first().click();
    await page.locator('#schema-ChatRequest[open]').waitFor();
    assert.equal(new URL(page.url()).hash, '#schema-ChatRequest');
    await page.goBack();
    await page.waitForURL('**/docs#chat_stream');
  });

  test('an operation that is opened by hand has its address', async () => {
    const page = await open();
    await page.getByText('Erase a thread with all its events').last().click();
    await page.waitForURL('**/docs#delete_thread');
    await page.locator('#delete_thread').getByText('Parameters').waitFor();
  });

  test('a search finds operations by id, path, summary, parameter, member and schema', async () => {
    const page = await open();
    const found = page.locator('#page-results a');
    for (const [sought, first] of [
      ['join_run', 'Join the stream of a run'],
      ['POST /api/v1/threads/{thread_id}/runs', 'Send a message and fetch the answer later'],
      ['EXECUTE once failed', 'Execute a failed run once more'],
      ['last-event-id', 'Join the stream of a run'],
      ['run_conversation_start_on', 'Send a message and get the answer'],
      ['EventPage', 'EventPage'],
    ] as const) {
      await page.getByRole('searchbox').fill(sought);
      const texts = await found.allInnerTexts();
      assert.ok(
        texts.some((text) => text.includes(first)),
        `${sought}: ${texts.join(' | ')}`,
      );
      assert.ok(texts.length < 20, sought);
    }
    await page.getByRole('searchbox').fill('no such thing');
    await page.getByRole('status').getByText('Nothing found').waitFor();
    assert.equal(await found.count(), 0);
  });

  test('the keyboard alone finds and opens an operation', async () => {
    const page = await open();
    await page.locator('#chat > summary').focus();
    await page.keyboard.press('/');
    await page.keyboard.type('runs/{run_id}');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const chosen = await page.evaluate('document.activeElement.getAttribute("href")');
    await page.keyboard.press('Enter');
    await page.locator(`${String(chosen)}[open]`).waitFor();
    const focused = await page.evaluate('"#" + document.activeElement.parentNode.id');
    assert.equal(focused, chosen);
    // A slash in a field is a slash.
    await page.keyboard.press('/');
    await page.keyboard.type('a/b');
    assert.equal(await page.getByRole('searchbox').inputValue(), 'a/b');
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('searchbox').inputValue(), '');
  });

  test('on a phone the menu is behind a button', async () => {
    const page = await open('', { width: 390, height: 844 });
    const menu = page.getByRole('navigation');
    const button = page.getByRole('button', { name: 'Menu' });
    assert.equal(await menu.isVisible(), false);
    await button.click();
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('Escape');
    assert.equal(await menu.isVisible(), false);
    assert.equal(await page.evaluate('document.activeElement.id'), 'page-menu-button');
    await button.click();
    await menu.getByText('Stop a run').click();
    assert.equal(await menu.isVisible(), false);
    await page.locator('#cancel_run[open]').waitFor();
    assert.ok(await isInView(page, '#cancel_run'));
    assert.equal(await page.evaluate('document.querySelector("main").inert'), false);
  });

  test('nothing is wider than a small screen, with everything open', async () => {
    for (const width of [320, 390]) {
      const page = await open('', { width, height: 700 });
      await openAll(page);
      const seen = await page.evaluate('document.documentElement.scrollWidth');
      assert.equal(seen, width);
      await page.getByRole('button', { name: 'Menu' }).click();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    }
  });

  test('a checker of accessibility finds nothing, in light and dark, wide and narrow', async () => {
    const page = await open('#chat_stream');
    await openAll(page);
    assert.deepEqual(await accessibilityFaults(page), []);
    // Nothing but the colours is different.
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await accessibilityFaults(page, { rules: ['color-contrast'] }), []);
    await page.setViewportSize({ width: 390, height: 800 });
    await page.keyboard.press('/');
    await page.keyboard.type('thread');
    assert.deepEqual(await accessibilityFaults(page, { within: 'nav' }), []);
    assert.deepEqual(await accessibilityFaults(page, { within: 'header' }), []);
    await page.emulateMedia({ colorScheme: null });
  });

  test('nothing of all that made an error, but the answers without a key', () => {
    assert.deepEqual(
      browser.errors.filter((error) => !error.includes('401')),
      [],
    );
  });
});

async function isInView(page: Page, selector: string): Promise<boolean> {
  const box = await page.locator(selector).boundingBox();
  return box !== null && box.y >= 0 && box.y < (page.viewportSize()?.height ?? 0);
}

/** Opens some of each kind: to open all takes a checker of accessibility seconds. */
async function openAll(page: Page): Promise<void> {
  for (const id of ['chat', 'list_threads', 'get_file', 'openai_response', 'schema-ChatRequest']) {
    await page.evaluate(`document.getElementById(${JSON.stringify(id)}).open = true`);
  }
  await page.locator('#schema-ChatRequest .body').waitFor();
  await page.evaluate(
    'for (const one of document.querySelectorAll("main .body details")) one.open = true',
  );
}
