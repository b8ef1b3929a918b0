import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { Script } from 'node:vm';

import * as v from 'valibot';

import { testApi } from '../support/api.ts';
import { openPage } from '../support/browser.ts';
import { serveApp } from '../support/listening-app.ts';

const Document = v.object({
  paths: v.record(v.string(), v.record(v.string(), v.unknown())),
  components: v.object({ schemas: v.record(v.string(), v.unknown()) }),
});

async function page(): Promise<{ html: string; policy: string }> {
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
  const { html } = await page();
  assert.doesNotMatch(html, /https?:|\/\/[a-z]/i);
  assert.doesNotMatch(html, /<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:,")/);
  assert.match(html, /openapi\.json/);
});

test('its policy lets nothing run or load but what the page holds', async () => {
  const { html, policy } = await page();
  const hashOf = (tag: string): string =>
    `'sha256-${hash('sha256', between(html, tag), 'base64')}'`;
  assert.ok(policy.includes(`script-src ${hashOf('script')};`), policy);
  assert.ok(policy.includes(`style-src ${hashOf('style')};`), policy);
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe/);
});

test('its script is one that can run, and never writes HTML', async () => {
  const script = between((await page()).html, 'script');
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
  await main.locator('section').first().waitFor();
  const drawn = await main.locator('section').count();
  assert.equal(drawn, operations.length + schemas.length);
  const chat = main.locator('section', {
    has: browser.page.getByText('/api/v1/chat', { exact: true }),
  });
  await chat.getByText('Try it').click();
  const body = JSON.stringify({ contact_id: 'c', message: 'Hi' });
  await chat.getByLabel('Request body').fill(body);
  await chat.getByRole('button', { name: 'Send' }).click();
  await chat.getByText('You said: Hi').waitFor();
  assert.deepEqual(browser.errors, []);
});

test('on a phone nothing is wider than the screen', async () => {
  await using served = await serveApp((ctx) => ctx.sendMessage('Hello'));
  await using browser = await openPage(`${served.origin}/docs`);
  await browser.page.setViewportSize({ width: 390, height: 844 });
  await browser.page.locator('main section').first().waitFor();
  const width = await browser.page.evaluate('document.documentElement.scrollWidth');
  assert.equal(width, 390);
});
