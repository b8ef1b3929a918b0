import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, relative, resolve, sep } from 'node:path';

import { UsageError } from './usage-error.ts';

/** Where a project is made, and what it is called. */
export interface Target {
  /** Absolute. */
  readonly folder: string;
  /** The folder as a user would write it after `cd`; empty for the current one. */
  readonly shown: string;
  /** The name of the package. */
  readonly name: string;
}

const DEFAULT_NAME = 'my-bot';
/** What a folder may hold before: none of it is written by a template. */
const KEPT = new Set(['.git', '.gitattributes', '.DS_Store', 'LICENSE', '.idea', '.vscode']);
const MAX_NAME = 214;
const SCOPED = /^@[^/\\]+\/[^/\\]+$/;
const VALID = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const RESERVED = new Set(['node_modules', 'favicon.ico']);

/**
 * Finds the folder and the name. A name with a scope, `@acme/my-bot`, has the folder `my-bot`; a folder
 * that exists gives its name, changed where npm does not allow it.
 *
 * @throws UsageError for a folder that is not empty, or a name that npm does not allow.
 */
export function targetOf(given: string | undefined, cwd: string): Target {
  const text = given?.trim() || DEFAULT_NAME;
  const isScoped = SCOPED.test(text);
  const folder = resolve(cwd, isScoped ? basename(text) : text);
  const shown = relative(cwd, folder);
  const name = isScoped ? text : basename(folder);
  const isThere = existsSync(folder);
  if (!isPackageName(name) && !isThere) {
    throw new UsageError(`npm allows no package with the name '${name}'${adviceFor(name)}`);
  }
  if (isThere) requireEmpty(folder, shown);
  return { folder, shown: shownOf(shown), name: isPackageName(name) ? name : validNameOf(name) };
}

/** Whether a package may be called that: npm's rules for new packages. */
function isPackageName(name: string): boolean {
  return name.length <= MAX_NAME && VALID.test(name) && !RESERVED.has(name);
}

function adviceFor(name: string): string {
  return `: use small letters, digits and -, such as ${validNameOf(name)}`;
}

/** The nearest name that npm allows. */
function validNameOf(name: string): string {
  const valid = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._~-]+/g, '-')
    .slice(0, MAX_NAME)
    .replaceAll(/^[-._]+|[-._]+$/g, '');
  return isPackageName(valid) ? valid : DEFAULT_NAME;
}

function requireEmpty(folder: string, shown: string): void {
  const name = shown || 'This folder';
  if (!statSync(folder).isDirectory()) {
    throw new UsageError(`${name} is a file: give another name, or remove it`);
  }
  const found = readdirSync(folder).filter((entry) => !KEPT.has(entry));
  const [first] = found.toSorted();
  if (first === undefined) return;
  const others = found.length > 1 ? ` and ${found.length - 1} more` : '';
  throw new UsageError(`${name} is not empty (${first}${others}): give another name`);
}

/** With a `./` where the shell, or npm, would take it for something else. */
function shownOf(path: string): string {
  return path.startsWith('-') ? `.${sep}${path}` : path;
}
