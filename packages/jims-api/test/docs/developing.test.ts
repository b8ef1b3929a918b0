// The pages for authors: what they show runs.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { folderWith } from '../support/command.ts';
import { codeBlocks } from './code-blocks.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

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
