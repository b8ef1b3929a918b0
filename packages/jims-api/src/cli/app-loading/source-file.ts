import { statSync } from 'node:fs';
import { extname, join } from 'node:path';

import { readManifest } from './project.ts';

/** The source files that TypeScript looks for when an import names the JavaScript. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx', '.ts'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};
/** File name endings of modules, in the order in which TypeScript tries them. */
export const ENDINGS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'] as const;

/** The file that TypeScript finds for a path: `x.ts` for `x.js` or `x`, or the module of a folder. */
export function sourceFile(path: string): string | undefined {
  return moduleAt(path) ?? moduleOfFolder(path);
}

/** Also false for what cannot be looked at, such as a link that leads to itself. */
export function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
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
