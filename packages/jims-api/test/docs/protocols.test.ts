// The snippets of the pages about protocols, run by their real clients.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { defineApp } from 'jims-core';

import { servePage } from '../../../../examples/page-server.ts';
import { openPage } from '../support/browser.ts';
import { serveApp } from '../support/listening-app.ts';
import { codeBlocks } from './code-blocks.ts';

const run = promisify(execFile);
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const BASE_URL = 'http://localhost:8080';

for (const page of [
  'docs/protocols/ai-sdk.md',
  'docs/protocols/ag-ui.md',
  'docs/protocols/anthropic.md',
  'docs/protocols/openai-chat.md',
  'docs/protocols/openai-responses.md',
]) {
  test(`the program of ${page} prints what it says`, async () => {
    await using served = await serveApp(
      (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`),
      {
        apiKeys: ['s3cret'],
      },
    );
    const [program = ''] = codeBlocks(page, 'ts');
    assert.ok(program.includes(BASE_URL));
    const folder = mkdtempSync(join(tmpdir(), 'jims-docs-'));
    try {
      symlinkSync(MODULES, join(folder, 'node_modules'));
      writeFileSync(join(folder, 'program.mts'), program.replace(BASE_URL, served.origin));
      const { stdout } = await run(process.execPath, ['program.mts'], { cwd: folder });
      assert.equal(stdout, 'You said: Hello\n');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test('the page of docs/protocols/deep-chat.md talks to an app', async () => {
  const app = defineApp({
    store: 'sqlite::memory:',
    pipeline: (ctx) => ctx.sendMessage(`${ctx.contactId} said: ${ctx.lastUserMessage}`),
  });
  const [snippet = ''] = codeBlocks('docs/protocols/deep-chat.md', 'html');
  assert.ok(snippet.includes(BASE_URL) && snippet.includes("'deep-chat'"));
  // Here the page and the app have one origin, and there is no bundler to find the package.
  const body = snippet.replace(BASE_URL, '').replace("'deep-chat'", "'/deep-chat.js'");
  const bundle = new URL('deepChat.bundle.js', import.meta.resolve('deep-chat'));
  await using served = await servePage(
    app,
    {
      '/': { type: 'text/html', body: `<!doctype html><html><body>${body}</body></html>` },
      '/deep-chat.js': { type: 'text/javascript', body: await readFile(bundle, 'utf8') },
    },
    0,
  );
  await using browser = await openPage(served.origin);
  await browser.page.locator('#text-input').fill('Hello');
  await browser.page.keyboard.press('Enter');
  await browser.page.getByText('customer:42 said: Hello').waitFor();
});
