import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { folderWith } from '../../../jims-api/test/support/command.ts';
import type { Folder } from '../../../jims-api/test/support/command.ts';

export const ROOT: string = fileURLToPath(new URL('../../../../', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** How a program ended, and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program of Node to its end, without the settings of this run of the tests. */
export async function runNode(
  args: readonly string[],
  { cwd, env = {} }: RunOptions,
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|JIMS_|NODE_TEST|NODE_OPTIONS|FORCE_COLOR)|_API_/.test(name),
  );
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const [code] = await once(child, 'close');
  return {
    code: typeof code === 'number' ? code : null,
    stdout: await stdout,
    stderr: await stderr,
  };
}

/** Runs `create-jims`. */
export async function createJims(args: readonly string[], options: RunOptions): Promise<Ended> {
  return runNode([MAIN, ...args], options);
}

/** A project made of a template, with the packages of this repository; its name is `my-bot`. */
export async function newProject(template: string): Promise<Folder> {
  const folder = folderWith({});
  const args = ['my-bot', '--no-install', '--template', template];
  const { code, stderr } = await createJims(args, { cwd: folder.path });
  assert.equal(code, 0, stderr);
  const path = join(folder.path, 'my-bot');
  symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  return { path, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}
