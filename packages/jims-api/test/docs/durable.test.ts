// The page about durable conversations: what it shows runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PROGRAM_FLAGS, folderWith } from '../support/command.ts';
import { chat, serveApp } from '../support/served-app.ts';
import { codeBlocks } from './code-blocks.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

test('docs/durable.md: its test passes, on its app', async () => {
  const [app = '', , itsTest = ''] = codeBlocks('docs/durable.md', 'ts');
  using folder = folderWith({
    'package.json': '{"type": "module"}',
    'app.ts': app,
    'app.test.ts': itsTest,
  });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...PROGRAM_FLAGS, '--test', '--test-reporter=tap'],
    { cwd: folder.path, env: { ...env, JIMS_DB_CONN_URI: 'sqlite::memory:' } },
  );
  assert.match(stdout, /# pass 1\n# fail 0/);
});

test('docs/durable.md: an app that looks at the version of its chain asks, and goes on', async () => {
  const [, app = ''] = codeBlocks('docs/durable.md', 'ts');
  await using served = await serveApp({ app });
  const asks = await chat(served.origin, 'Hello');
  assert.deepEqual(asks.body['assistant_messages'], ['Which one?']);
  const answered = await chat(served.origin, 'red');
  assert.deepEqual(answered.body['assistant_messages'], ['The red one']);
});
