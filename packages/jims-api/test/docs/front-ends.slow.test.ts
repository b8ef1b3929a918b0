// The snippets of the pages that need jims-client, or a network that fails, as their readers run them.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';

import { build, transform } from 'esbuild';
import { defineApp } from 'jims-core';
import type { JimsApp } from 'jims-core';
import type { Page } from 'playwright-core';

import { servePage } from '../../../../examples/page-server.ts';
import { localPort } from '../../../jims-core/test/support/local-port.ts';
import { openPage } from '../support/browser.ts';
import { serveApp } from '../support/served-app.ts';
import { BASE_URL, blockWith, codeBlocks } from './code-blocks.ts';

const HEAD = '<!doctype html><link rel="icon" href="data:," />';

describe('the snippets of docs/front-ends.md with jims-client', () => {
  test('in React: a chat with statuses, buttons, and a message that is sent again', async () => {
    const code = blockWith('docs/front-ends.md', 'tsx', 'useJimsChat(');
    const main = await bundled(`import { createRoot } from 'react-dom/client';
${code.replace(BASE_URL, '')}
createRoot(document.getElementById('root')!).render(<Chat />);`);
    const body = `${HEAD}<div id="root"></div><script type="module" src="/main.js"></script>`;
    await using served = await servePage(
      asking(),
      {
        '/': { type: 'text/html', body },
        '/main.js': { type: 'text/javascript', body: main },
      },
      0,
    );
    await using browser = await openPage(served.origin);
    const { page } = browser;
    await say(page, 'Hello');
    await page.getByText('customer:42 said: Hello').waitFor();
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByText('customer:42 said: more').waitFor();
    // Refused by the service: the message stays, and its reason is shown.
    await page.route('**/chat/stream', (route) => route.fulfill({ status: 413, body: 'no' }));
    await say(page, 'Again');
    await page.getByRole('status').getByText('HTTP 413').waitFor();
    await page.unroute('**/chat/stream');
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByText('customer:42 said: Again').waitFor();
  });

  test('on any page: what was said is there after a reload', async () => {
    const snippet = blockWith('docs/front-ends.md', 'html', "'jims-client'");
    const page = snippet.replace(BASE_URL, '').replace("'jims-client'", "'/client.js'");
    await using served = await servePage(
      asking(),
      {
        '/': { type: 'text/html', body: HEAD + page },
        '/client.js': {
          type: 'text/javascript',
          body: await bundled("export * from 'jims-client';"),
        },
      },
      0,
    );
    await using browser = await openPage(served.origin);
    const said = ['Hello', 'customer:42 said: Hello'];
    await say(browser.page, 'Hello');
    await browser.page.getByText('customer:42 said: Hello').waitFor();
    await browser.page.reload();
    await browser.page.getByText('customer:42 said: Hello').waitFor();
    assert.deepEqual(await browser.page.locator('#messages p').allInnerTexts(), said);
    assert.deepEqual(browser.errors, []);
  });
});

test('the patient fetch of docs/protocols/ai-sdk.md waits for a service that is down, with one key', async () => {
  const block = codeBlocks('docs/protocols/ai-sdk.md', 'ts').find((each) =>
    each.includes('const patient'),
  );
  const source = (block ?? '').split('const patientTransport')[0] ?? '';
  const { code } = await transform(`${source}\nexport { patient };`, { loader: 'ts' });
  const loaded: { readonly patient: typeof fetch } = await import(
    `data:text/javascript,${encodeURIComponent(code)}`
  );
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key']);
    if (keys.length === 1) response.destroy();
    else response.writeHead(keys.length === 2 ? 503 : 200).end('at last');
  });
  try {
    const response = await loaded.patient(`http://127.0.0.1:${await localPort(server)}/`, {
      method: 'POST',
      body: '{}',
    });
    assert.equal(await response.text(), 'at last');
    assert.deepEqual(keys, [keys[0], keys[0], keys[0]]);
    assert.ok(keys[0]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, loader: 'tsx', resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    conditions: ['@jims/source'],
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  return outputFiles[0]?.text ?? '';
}

function asking(): JimsApp {
  return defineApp({
    store: 'sqlite::memory:',
    pipeline(ctx) {
      const said = ctx.lastUserAction?.content;
      ctx.sendMessageWithButtons(`${ctx.contactId} said: ${said}`, [{ id: 'more', text: 'More' }]);
    },
  });
}

test("a server passes requests of a page on as its visitor's, packed answers too", async () => {
  await using service = await serveApp({
    app: 'export const app = (ctx) => ctx.sendMessage(`${ctx.contactId} said ${ctx.lastUserMessage}`);',
    args: ['--widget'],
    env: { JIMS_API_KEY: 's3cret' },
  });
  const snippet = blockWith('docs/front-ends.md', 'ts', 'passOn');
  const named = snippet
    .replace(BASE_URL, service.origin)
    .replace("process.env['JIMS_API_KEY']", "'s3cret'");
  const { code } = await transform(named, { loader: 'ts' });
  const { passOn } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const script: Response = await passOn(
    new Request('https://shop.example/jims/widget.js', { headers: { 'accept-encoding': 'br' } }),
    'user:7',
  );
  assert.equal(script.headers.get('content-encoding'), null);
  assert.match(await script.text(), /jims-chat/);
  const body = JSON.stringify({ contact_id: 'anna', message: 'Hi' });
  const answer: Response = await passOn(
    new Request('https://shop.example/jims/api/v1/chat', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body,
    }),
    'user:7',
  );
  assert.deepEqual(Object(await answer.json()).assistant_messages, ['user:7 said Hi']);
});
