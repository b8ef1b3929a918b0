import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { folderWith } from './command.ts';

const ROOT = new URL('../../../../', import.meta.url);
const ADDRESS = 'http://localhost:8080';

/** Runs the TypeScript of a page as its reader would, against this service; gives what it prints. */
export async function runSnippet(page: string, origin: string): Promise<string> {
  const source = readFileSync(new URL(`docs/${page}`, ROOT), 'utf8');
  const [, code = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(source) ?? [];
  assert.ok(code.includes(ADDRESS), `${page} has no snippet that talks to ${ADDRESS}`);
  using folder = folderWith({
    'snippet.ts': code.replaceAll(ADDRESS, origin),
    'package.json': '{"type":"module"}',
  });
  symlinkSync(fileURLToPath(new URL('node_modules', ROOT)), join(folder.path, 'node_modules'));
  const child = spawn(process.execPath, ['snippet.ts'], {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}
