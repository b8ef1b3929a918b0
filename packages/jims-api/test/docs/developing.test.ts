// The pages for authors: what they show runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { folderWith } from '../support/command.ts';
import { chat, serveApp } from '../support/served-app.ts';
import { codeBlocks } from './code-blocks.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

test('docs/context.md: its app shows buttons, takes a click by every way, and remembers it', async () => {
  const [app = ''] = codeBlocks('docs/context.md', 'ts');
  await using served = await serveApp({ app });
  const clicked = { event_type: 'comm.user_button_click' };
  const first = await chat(served.origin, 'Hello');
  assert.match(JSON.stringify(first.body['events']), /Which size\?.*"id":"large"/);
  const click = await chat(served.origin, 'large', clicked);
  assert.deepEqual(click.body['assistant_messages'], ['A large one, then.']);
  const later = await chat(served.origin, 'And?');
  assert.deepEqual(later.body['assistant_messages'], ['You have ordered a large one.']);

  const byOpenAi = await fetch(`${served.origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'btn:small' }] }),
  });
  assert.match(await byOpenAi.text(), /A small one, then\./);
});

test('docs/developing.md: its tests pass', async () => {
  const [app = ''] = codeBlocks('README.md', 'ts');
  const tests = codeBlocks('docs/developing.md', 'ts');
  assert.equal(tests.length, 4);
  using folder = folderWith({
    'package.json': '{"type": "module"}',
    'app.ts': app,
    ...Object.fromEntries(tests.map((code, index) => [`${index}.test.ts`, code])),
  });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@jims/source', '--test', '--test-reporter=tap'],
    { cwd: folder.path, env: { ...env, JIMS_DB_CONN_URI: 'sqlite::memory:' } },
  );
  assert.match(stdout, /# pass 4\n# fail 0/);
});
