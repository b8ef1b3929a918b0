// The page about tests: what it shows runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PROGRAM_FLAGS, folderWith } from '../support/command.ts';
import { codeBlocks } from './code-blocks.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

test('docs/testing.md: its tests pass, on its app and with its conversation', async () => {
  const [app = '', ...tests] = codeBlocks('docs/testing.md', 'ts');
  const [conversation = ''] = codeBlocks('docs/testing.md', 'json');
  assert.equal(tests.length, 5);
  using folder = folderWith({
    'package.json': '{"type": "module"}',
    'app.ts': app,
    'refund.conversation.json': conversation,
    ...Object.fromEntries(tests.map((code, index) => [`${index}.test.ts`, code])),
  });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...PROGRAM_FLAGS, '--test', '--test-reporter=tap'],
    // A test that opened the app's own database would fail.
    { cwd: folder.path, env: { ...env, JIMS_DB_CONN_URI: 'postgresql://nobody@127.0.0.1:1/none' } },
  );
  assert.match(stdout, /# pass 7\n# fail 0/);
});
