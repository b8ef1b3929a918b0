// The page about tools: what it shows runs.
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

test('docs/tools.md: its tests pass, on its app', async () => {
  const [app = '', itsTest = ''] = codeBlocks('docs/tools.md', 'ts');
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
