import { statSync } from 'node:fs';
import { extname, join } from 'node:path';

import { readManifest } from './manifest.ts';

/** What TypeScript looks for where an import names the JavaScript that is made from it. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx', '.ts'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};
/** How modules may end, in the order in which they are looked for where the ending is left out. */
export const ENDINGS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'] as const;

/** The file that TypeScript finds for a path: `x.ts` for `x.js` or `x`, and what a folder holds. */
export function sourceFile(path: string): string | undefined {
  return moduleAt(path) ?? moduleOfFolder(path);
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function moduleAt(path: string): string | undefined {
  const ending = extname(path);
  const stem = path.slice(0, path.length - ending.length);
  const sources = (SOURCES[ending] ?? []).map((each) => stem + each);
  const itself = ending === '' ? [] : [path];
  return [...sources, ...itself, ...ENDINGS.map((each) => path + each)].find(isFile);
}

function moduleOfFolder(folder: string): string | undefined {
  const main = readManifest(folder)?.main;
  return (main && moduleAt(join(folder, main))) || moduleAt(join(folder, 'index'));
}
