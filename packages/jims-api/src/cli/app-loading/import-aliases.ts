import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';

import { isInNodeModules, isInside, tsconfigFor } from './project.ts';
import { sourceFile } from './source-file.ts';
import { readImportPaths } from './tsconfig.ts';
import type { ImportPaths } from './tsconfig.ts';

/** Relative names, and names with a scheme. */
const NEVER_AN_ALIAS = /^(?:\.{1,2}(?:\/|$)|(?:node|file|data|https?|jims-app):)/;

export interface ImportAliasesOptions {
  readonly cwd: string;
  /** Folders of packages that no alias may reach: this package and jims-core. */
  readonly ownFolders: readonly string[];
}

/** The import aliases of a project: each file has those of the tsconfig.json that it belongs to. */
export class ImportAliases {
  readonly #options: ImportAliasesOptions;
  readonly #byFolder = new Map<string, ImportPaths | undefined>();
  readonly #byTsconfig = new Map<string, ImportPaths>();

  constructor(options: ImportAliasesOptions) {
    this.#options = options;
  }

  /** True for the user's own files. */
  isOfProject(file: string): boolean {
    return !isInNodeModules(file) && !this.#isOwn(file);
  }

  /** True for files of packages that the user installed. */
  isOfPackage(file: string): boolean {
    return isInNodeModules(file) && !this.#isOwn(file);
  }

  #isOwn(file: string): boolean {
    return this.#options.ownFolders.some((folder) => isInside(file, folder));
  }

  /** The file that an alias leads to, or `undefined` when Node should resolve the name. */
  resolve(specifier: string, importer: string): string | undefined {
    if (NEVER_AN_ALIAS.test(specifier) || isBuiltin(specifier)) return undefined;
    const config = this.#pathsFor(importer);
    if (!config) return undefined;
    for (const target of targetsOf(specifier, config)) {
      // Old configs name node_modules themselves; Node knows the exports of a package.
      if (target.endsWith(join('node_modules', specifier))) return undefined;
      const file = sourceFile(target);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  /** Why a name was not found, when aliases are the reason. */
  explain(specifier: string, importer: string): string | undefined {
    const config = this.#pathsFor(importer);
    if (!config) return undefined;
    const [problem] = config.problems;
    if (problem !== undefined) return problem;
    const pattern = patternFor(specifier, config);
    if (pattern === undefined || pattern === '*') return undefined;
    const looked = targetsOf(specifier, config).join(', ');
    return `It is an alias, "${pattern}" in tsconfig.json, but there is no module at ${looked}`;
  }

  #pathsFor(importer: string): ImportPaths | undefined {
    if (!this.isOfProject(importer)) return undefined;
    const folder = dirname(importer);
    if (!this.#byFolder.has(folder)) this.#byFolder.set(folder, this.#read(folder));
    return this.#byFolder.get(folder);
  }

  #read(folder: string): ImportPaths | undefined {
    const tsconfig = tsconfigFor(folder, this.#options.cwd);
    if (tsconfig === undefined) return undefined;
    const known = this.#byTsconfig.get(tsconfig) ?? readImportPaths(tsconfig);
    this.#byTsconfig.set(tsconfig, known);
    return known;
  }
}

/** Candidates: the targets of the best pattern, then `baseUrl`, as in TypeScript. */
function targetsOf(specifier: string, config: ImportPaths): readonly string[] {
  const pattern = patternFor(specifier, config);
  const targets = pattern === undefined ? [] : (config.paths.get(pattern) ?? []);
  const middle = pattern === undefined ? '' : starIn(pattern, specifier);
  const files = targets.map((target) => target.replace('*', () => middle));
  return config.baseUrl === undefined ? files : [...files, join(config.baseUrl, specifier)];
}

/** The exact pattern, or else the one with the longest text before its star. */
function patternFor(specifier: string, { paths }: ImportPaths): string | undefined {
  if (paths.has(specifier)) return specifier;
  return [...paths.keys()]
    .filter((pattern) => pattern.includes('*') && matches(pattern, specifier))
    .toSorted((one, other) => other.indexOf('*') - one.indexOf('*'))[0];
}

function matches(pattern: string, specifier: string): boolean {
  const [before = '', after = ''] = pattern.split('*', 2);
  return (
    specifier.length >= before.length + after.length &&
    specifier.startsWith(before) &&
    specifier.endsWith(after)
  );
}

function starIn(pattern: string, specifier: string): string {
  const [before = '', after = ''] = pattern.split('*', 2);
  return specifier.slice(before.length, specifier.length - after.length);
}
