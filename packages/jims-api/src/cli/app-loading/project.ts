import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, matchesGlob, relative, sep } from 'node:path';

import * as v from 'valibot';

const patterns = v.array(v.string());

/** The part of a package.json that says where modules are; a member of a wrong type counts as missing. */
const Manifest = v.object({
  main: v.fallback(v.optional(v.string()), undefined),
  tsconfig: v.fallback(v.optional(v.string()), undefined),
  workspaces: v.fallback(
    v.optional(v.union([patterns, v.object({ packages: patterns })])),
    undefined,
  ),
});

type Manifest = v.InferOutput<typeof Manifest>;

/** The package.json of a folder; `undefined` when it is missing or not JSON. */
export function readManifest(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  const json = v.pipe(v.string(), v.parseJson(), Manifest);
  const found = v.safeParse(json, readFileSync(file, 'utf8'));
  return found.success ? found.output : undefined;
}

/**
 * The tsconfig.json for the files of a folder: the nearest one above, inside their project. A file in a
 * folder above the project must not count: it could replace any module.
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
  const globs = Array.isArray(workspaces) ? workspaces : workspaces.packages;
  const path = relative(root, member).replaceAll(sep, '/');
  return globs.some((glob) => matchesGlob(path, glob.replace(/^\.\/|\/$/g, '')));
}

/** False for files of other users, in folders that everybody may write to, such as /tmp. */
function isTrusted(file: string, folder: string): boolean {
  const ownerOfFolder = statSync(folder, { throwIfNoEntry: false })?.uid;
  return [0, ownerOfFolder, process.getuid?.()].includes(lstatSync(file).uid);
}

/** A folder and all folders above it, the innermost first. */
export function upwards(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...upwards(parent)];
}

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** True for a file of an installed package: Node strips no types there, and aliases do not apply. */
export function isInNodeModules(path: string): boolean {
  return path.split(/[/\\]/).includes('node_modules');
}
