import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

import { Skipped } from './lab.ts';

const mounted = new Set<string>();
process.on('exit', () => mounted.forEach(unmount));

/** Mounts a file system on a new folder. Throws {@link Skipped} where that is not possible. */
export function mount(folder: string, ...options: readonly string[]): Disposable {
  mkdirSync(folder);
  asRoot('mount', ...options, folder);
  mounted.add(folder);
  return { [Symbol.dispose]: () => unmount(folder) };
}

/** Runs a program that only root may. Throws {@link Skipped} where that is not possible. */
export function asRoot(program: string, ...args: readonly string[]): void {
  if (process.getuid?.() !== 0) throw new Skipped(`${program} takes root`);
  try {
    execFileSync(program, args, { stdio: 'pipe' });
  } catch (error) {
    throw new Skipped(`${program} cannot be used here: ${String(error).trim()}`);
  }
}

function unmount(folder: string): void {
  if (mounted.delete(folder)) execFileSync('umount', ['-l', folder]);
}
