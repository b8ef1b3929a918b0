import { registerHooks } from 'node:module';
import type { ResolveFnOutput, ResolveHookContext } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { describeError } from 'jims-core/host';

import { FileVersions, versionIn } from './file-versions.ts';
import { ImportAliases } from './import-aliases.ts';
import { LoadRecord } from './load-record.ts';
import { upwards } from './project.ts';
import { isFile, sourceFile } from './source-file.ts';

/** Marks a bare name to resolve from the user's project, and not from this package. */
export const APP_SCHEME = 'jims-app:';

type Next = (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput;

export interface ResolveHook {
  readonly aliases: ImportAliases;
  /** What was imported so far, for error messages. */
  readonly record: LoadRecord;
  /** What lets changed files be loaded again. */
  readonly versions: FileVersions;
}

/**
 * Makes Node resolve the imports in the user's files as TypeScript does: `./x.js` and `./x` for x.ts, and
 * the aliases of their tsconfig.json. Imports in packages stay as Node resolves them: an alias must not
 * come between a package and its dependencies. An app in a folder without jims-core gets the copy that this
 * package uses. With `reloads` changed files can be loaded again.
 */
export function installResolveHook(cwd: string, { reloads = false } = {}): ResolveHook {
  const aliases = new ImportAliases({ cwd, ownFolders: ownFolders() });
  const record = new LoadRecord();
  const versions = new FileVersions((file) => aliases.isOfProject(file));
  const project = pathToFileURL(join(cwd, '/')).href;

  /** A file that Node does not find. */
  function secondChoice(specifier: string, importer: string, error: unknown): string | undefined {
    if (!aliases.isOfProject(importer)) return undefined;
    if (/^\.{0,2}\//.test(specifier) || /^\.{1,2}$/.test(specifier)) {
      return sourceFile(fileURLToPath(new URL(specifier, pathToFileURL(importer))));
    }
    return specifier.startsWith('#') ? sourceOfMissing(error) : undefined;
  }

  function resolve(specifier: string, context: ResolveHookContext, next: Next): ResolveFnOutput {
    const { parentURL } = context;
    if (specifier.startsWith(APP_SCHEME)) {
      return next(specifier.slice(APP_SCHEME.length), { ...context, parentURL: project });
    }
    const importer = fileIn(parentURL);
    if (importer === undefined) return next(specifier, context);
    const aliased = aliases.resolve(specifier, importer);
    if (aliased !== undefined) return next(nameOf(aliased, context), context);
    try {
      return next(specifier, context);
    } catch (error) {
      const file = secondChoice(specifier, importer, error);
      if (file !== undefined) return next(nameOf(file, context), context);
      if (!/^jims-core(?:\/|$)/.test(specifier)) throw error;
      try {
        return next(specifier, { ...context, parentURL: import.meta.url });
      } catch (own) {
        // It names this file as the importer.
        const here = fileURLToPath(import.meta.url);
        if (Error.isError(own)) own.message = own.message.replace(here, () => importer);
        throw own;
      }
    }
  }

  registerHooks({
    load(url, context, next) {
      const loaded = record.load(url, () => next(url, context));
      const file = reloads ? fileIn(url) : undefined;
      if (file !== undefined && loaded.format?.startsWith('commonjs')) versions.isCommonJs(file);
      return loaded;
    },
    resolve(specifier, context, next) {
      const { parentURL } = context;
      const importer = fileIn(parentURL);
      return record.resolve({ specifier, importer }, () => {
        const found = resolve(specifier, context, next);
        const file = reloads ? fileIn(found.url) : undefined;
        if (file === undefined) return found;
        const from =
          parentURL !== undefined && importer !== undefined
            ? { file: importer, version: versionIn(parentURL) }
            : undefined;
        return { ...found, url: versions.versioned(file, found.url, from) };
      });
    },
  });
  return { aliases, record, versions };
}

function fileIn(url: string | undefined): string | undefined {
  return url?.startsWith('file:') ? fileURLToPath(url) : undefined;
}

/** `require` does not accept URLs. */
function nameOf(file: string, { conditions }: ResolveHookContext): string {
  return conditions.includes('require') ? file : pathToFileURL(file).href;
}

/** The `imports` of a package.json may name JavaScript that is not built: then its source. */
function sourceOfMissing(error: unknown): string | undefined {
  const [, path] = /^Cannot find module '(.*?)'/.exec(describeError(error).message) ?? [];
  return path && isAbsolute(path) ? sourceFile(path) : undefined;
}

function ownFolders(): readonly string[] {
  return [import.meta.url, import.meta.resolve('jims-core')].map((url) => {
    const folders = upwards(dirname(fileURLToPath(url)));
    const folder = folders.find((each) => isFile(join(each, 'package.json')));
    return folder ?? dirname(fileURLToPath(url));
  });
}
