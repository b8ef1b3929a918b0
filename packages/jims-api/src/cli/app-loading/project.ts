import { existsSync, lstatSync, statSync } from 'node:fs';
import { dirname, join, matchesGlob, relative, sep } from 'node:path';

import { readManifest } from './manifest.ts';

/**
 * The tsconfig.json that holds for the files of a folder: the nearest one above, inside their
 * project. A file in a parent folder that is not of the project must have no say: it could replace
 * any module.
 */
export function tsconfigFor(folder: string, cwd: string): string | undefined {
  const root = projectRoot(folder, cwd);
  for (const each of upwards(folder)) {
    const file = join(each, 'tsconfig.json');
    if (existsSync(file)) return isTrusted(file, folder) ? file : undefined;
    if (each === root) return undefined;
  }
  return undefined;
}

/** Where a project begins: its workspace, else its package, else the current folder. */
function projectRoot(folder: string, cwd: string): string {
  const packages = upwards(folder).filter((each) => {
    const manifest = join(each, 'package.json');
    return existsSync(manifest) && isTrusted(manifest, folder);
  });
  const [own, ...outer] = packages;
  if (own === undefined) return isInside(folder, cwd) ? cwd : folder;
  return outer.find((each) => isWorkspaceOf(each, own)) ?? own;
}

function isWorkspaceOf(root: string, member: string): boolean {
  if (existsSync(join(root, 'pnpm-workspace.yaml'))) return true;
  const workspaces = readManifest(root)?.workspaces;
  if (!workspaces) return false;
  const patterns = Array.isArray(workspaces) ? workspaces : workspaces.packages;
  const path = relative(root, member).replaceAll(sep, '/');
  return patterns.some((pattern) => matchesGlob(path, pattern.replace(/^\.\/|\/$/g, '')));
}

/** In a folder that others may write to, such as /tmp, their files are not of the project. */
function isTrusted(file: string, folder: string): boolean {
  const ownerOfFolder = statSync(folder, { throwIfNoEntry: false })?.uid;
  return [0, ownerOfFolder, process.getuid?.()].includes(lstatSync(file).uid);
}

/** A folder, and all that it is in, from the inside to the outside. */
export function upwards(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...upwards(parent)];
}

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** True for a file that Node's type stripping refuses, and that aliases of a project do not reach. */
export function isInNodeModules(path: string): boolean {
  return path.split(/[/\\]/).includes('node_modules');
}
