import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { Change, Mutant } from './mutant.ts';

const NOT_COPIED: ReadonlySet<string> = new Set(['node_modules', 'dist']);

/**
 * Copies the sources into `folder`, with the mutant's changes.
 *
 * @throws Error when the text that is to be changed is not there, or there more than once.
 */
export function breakSource(source: string, folder: string, mutant: Mutant): void {
  for (const each of ['packages', 'scripts', 'package.json']) {
    const filter = (path: string): boolean => !NOT_COPIED.has(basename(path));
    cpSync(join(source, each), join(folder, each), { recursive: true, filter });
  }
  symlinkSync(join(source, 'node_modules'), join(folder, 'node_modules'));
  // Found before what the line above leads to: there, these names lead to the sources that are whole.
  const own = join(folder, 'packages', 'node_modules');
  mkdirSync(own);
  for (const each of ['jims-core', 'jims-api']) symlinkSync(join('..', each), join(own, each));

  for (const change of mutant.changes) {
    const path = join(folder, change.file);
    writeFileSync(path, changed(path, change, mutant.name));
  }
}

/** @throws Error as {@link breakSource}, for sources that are left as they are. */
export function requireFit(source: string, { name, changes }: Mutant): void {
  for (const change of changes) changed(join(source, change.file), change, name);
}

function changed(path: string, { file, from, to }: Change, name: string): string {
  const parts = readFileSync(path, 'utf8').split(from);
  if (parts.length === 2) return parts.join(to);
  throw new Error(
    `The mutant '${name}' does not fit: ${file} has ${parts.length - 1} times\n${from}`,
  );
}
