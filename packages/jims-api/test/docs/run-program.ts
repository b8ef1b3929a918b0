import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { folderWith } from '../support/command.ts';
import { codeBlocks } from './code-blocks.ts';

const run = promisify(execFile);
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const ADDRESS = 'http://localhost:8080';

/** Runs a piece of TypeScript of a page as its reader would, the first one by default; gives what it prints. */
export async function runProgram(page: string, origin: string, index = 0): Promise<string> {
  const program = codeBlocks(page, 'ts')[index] ?? '';
  assert.ok(program.includes(ADDRESS), `${page} has no program that talks to ${ADDRESS}`);
  using folder = folderWith({ 'program.mts': program.replaceAll(ADDRESS, origin) });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const { stdout } = await run(process.execPath, ['program.mts'], { cwd: folder.path });
  return stdout;
}
