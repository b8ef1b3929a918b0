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

import { build } from 'esbuild';
import { defineApp } from 'jims-core';
import type { JimsApp } from 'jims-core';

import { servePage } from '../../../../examples/page-server.ts';
import { openPage } from '../support/browser.ts';
import { createGate } from '../support/gate.ts';
import { serveApp } from '../support/listening-app.ts';
import type { ServedApp } from '../support/listening-app.ts';
import { BASE_URL, blockWith, codeBlocks } from './code-blocks.ts';

const run = promisify(execFile);
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

for (const page of [
  'docs/protocols/ai-sdk.md',
  'docs/protocols/ag-ui.md',
  'docs/protocols/anthropic.md',
  'docs/protocols/openai-chat.md',
  'docs/protocols/openai-responses.md',
]) {
  test(`the programs of ${page} print what they say`, async () => {
    await using served = await serveApp(
      (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`),
      {
        apiKeys: ['s3cret'],
      },
    );
    const [first = '', ...more] = codeBlocks(page, 'ts');
    for (const program of [first, ...more.filter((block) => block.includes(BASE_URL))]) {
      assert.equal(await outputOf(program, served), 'You said: Hello\n');
    }
  });
}

test('the snippets of docs/protocols/ag-ui.md answer a question, load a thread and read the capabilities', async () => {
  await using served = await serveApp(
    async (ctx) => {
      const buttons = [
        { id: 'yes', text: 'Yes' },
        { id: 'no', text: 'No' },
      ];
      const answer = await ctx.ask('Sure?', { buttons });
      ctx.sendMessage(answer.kind === 'message' ? `It is a ${answer.buttonId}` : answer.kind);
    },
    { apiKeys: ['s3cret'] },
  );
  const program = codeBlocks('docs/protocols/ag-ui.md', 'ts').join('\n');
  const more = `console.log(await new JimsAgent({ url, headers }).getCapabilities());`;
  const output = await outputOf(`${program}\n${more}`, served);
  assert.match(
    output,
    /^Sure\?\nuser Hello\nassistant Sure\?\nuser yes\nassistant It is a yes\n\{[^]*interrupts: true/,
  );
});

/** What a program of the docs prints. */
async function outputOf(program: string, { origin }: ServedApp): Promise<string> {
  assert.ok(program.includes(BASE_URL));
  const folder = mkdtempSync(join(tmpdir(), 'jims-docs-'));
  try {
    symlinkSync(MODULES, join(folder, 'node_modules'));
    writeFileSync(join(folder, 'program.mts'), program.replace(BASE_URL, origin));
    const { stdout } = await run(process.execPath, ['program.mts'], { cwd: folder });
    return stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const page of ['docs/protocols/deep-chat.md', 'docs/front-ends.md']) {
  test(`the page of ${page} with Deep Chat talks to an app`, async () => {
    const snippet = blockWith(page, 'html', "'deep-chat'");
    // Here the page and the app have one origin, and there is no bundler to find the package.
    const body = snippet.replace(BASE_URL, '').replace("'deep-chat'", "'/deep-chat.js'");
    const bundle = new URL('deepChat.bundle.js', import.meta.resolve('deep-chat'));
    await using served = await servePage(
      speaking(),
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
}

test('the component of docs/front-ends.md with useChat talks to an app', async () => {
  const code = blockWith('docs/front-ends.md', 'tsx', 'useChat(');
  const { outputFiles } = await build({
    stdin: {
      contents: `import { createRoot } from 'react-dom/client';
${code.replace(BASE_URL, '')}
createRoot(document.getElementById('root')!).render(<Chat />);`,
      loader: 'tsx',
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const body = '<!doctype html><div id="root"></div><script type="module" src="/main.js"></script>';
  const script = { type: 'text/javascript', body: outputFiles[0]?.text ?? '' } as const;
  const files = { '/': { type: 'text/html', body }, '/main.js': script } as const;
  await using served = await servePage(speaking(), files, 0);
  await using browser = await openPage(served.origin);
  for (const text of ['Hello', 'Again']) {
    await browser.page.getByLabel('Message').fill(text);
    await browser.page.getByRole('button', { name: 'Send' }).click();
    await browser.page.getByText(`customer:42 said: ${text}`).waitFor();
  }
});

test('the plain page of docs/front-ends.md draws an answer as it is written', async () => {
  const page = blockWith('docs/front-ends.md', 'html', 'frames(response)');
  const body = `<!doctype html><link rel="icon" href="data:," />${page.replace(BASE_URL, '')}`;
  const gate = createGate();
  const app = defineApp({
    store: 'sqlite::memory:',
    async pipeline(ctx) {
      ctx.updateAgentStatus('Counting…');
      await ctx.sendMessage(
        (async function* () {
          yield 'one ';
          await gate.passed(ctx.signal);
          yield 'two';
        })(),
      );
      ctx.sendMessageWithButtons('More?', [{ id: 'yes', text: 'Yes' }]);
    },
  });
  await using served = await servePage(app, { '/': { type: 'text/html', body } }, 0);
  await using browser = await openPage(served.origin);
  await browser.page.getByLabel('Message').fill('Count');
  await browser.page.keyboard.press('Enter');
  await browser.page.getByRole('status').getByText('Counting…').waitFor();
  await browser.page.getByText('one', { exact: true }).waitFor();
  gate.open();
  await browser.page.getByText('one two More?', { exact: true }).waitFor();
  const texts = await browser.page.locator('#messages p').allInnerTexts();
  assert.deepEqual(texts, ['Count', 'one two\n\nMore?']);
  assert.deepEqual(browser.errors, []);
});

function speaking(): JimsApp {
  return defineApp({
    store: 'sqlite::memory:',
    pipeline: (ctx) => ctx.sendMessage(`${ctx.contactId} said: ${ctx.lastUserMessage}`),
  });
}
