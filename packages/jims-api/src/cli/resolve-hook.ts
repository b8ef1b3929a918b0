import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import type { ResolveHookContext } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import * as v from 'valibot';

/** Marks a bare name that is to be resolved from the user's project, and not from this package. */
export const APP_SCHEME = 'jims-app:';

/** A tsconfig path: what an import looks like, and where its star points to. */
type Alias = readonly [pattern: RegExp, target: string];

export interface ResolveHook {
  /** The URL of the module that was loaded last: a syntax error does not name its file. */
  readonly lastLoaded: string | undefined;
}

/**
 * Makes Node resolve what TypeScript resolves: `./x.js` for x.ts, `./x`, and tsconfig's paths. An
 * app in a folder without jims-core gets the copy that this package uses.
 */
export function installResolveHook(appFile: string, cwd: string): ResolveHook {
  const hook: { lastLoaded: string | undefined } = { lastLoaded: undefined };
  const aliases = tsconfigAliases(dirname(appFile));
  const project = pathToFileURL(join(cwd, '/')).href;
  registerHooks({
    load(url, context, next) {
      hook.lastLoaded = url;
      return next(url, context);
    },
    resolve(specifier, context, next) {
      if (specifier.startsWith(APP_SCHEME)) {
        return next(specifier.slice(APP_SCHEME.length), { ...context, parentURL: project });
      }
      const aliased = aliasedFile(aliases, specifier);
      if (aliased) return next(pathToFileURL(aliased).href, context);
      try {
        return next(specifier, context);
      } catch (error) {
        const instead = secondChoice(specifier, context);
        if (!instead) throw error;
        return next(instead.specifier, { ...context, parentURL: instead.parentURL });
      }
    },
  });
  return hook;
}

function secondChoice(
  specifier: string,
  { parentURL }: ResolveHookContext,
): { specifier: string; parentURL: string | undefined } | undefined {
  if (specifier === 'jims-core') return { specifier, parentURL: import.meta.url };
  if (!/^\.{0,2}\//.test(specifier) || !parentURL?.startsWith('file:')) return undefined;
  const file = sourceOf(fileURLToPath(new URL(specifier, parentURL)));
  return file === undefined ? undefined : { specifier: pathToFileURL(file).href, parentURL };
}

function sourceOf(path: string): string | undefined {
  const candidates = [
    path.replace(/\.([cm]?)js$/, '.$1ts'),
    `${path}.ts`,
    join(path, 'index.ts'),
    path,
  ];
  return candidates.find((candidate) => extname(candidate) !== '' && existsSync(candidate));
}

function aliasedFile(aliases: readonly Alias[], specifier: string): string | undefined {
  for (const [pattern, target] of aliases) {
    const match = pattern.exec(specifier);
    const file = match && sourceOf(target.replace('*', match[1] ?? ''));
    if (file) return file;
  }
  return undefined;
}

function tsconfigAliases(folder: string): Alias[] {
  const file = join(folder, 'tsconfig.json');
  if (existsSync(file)) return aliasesIn(file);
  const parent = dirname(folder);
  return parent === folder ? [] : tsconfigAliases(parent);
}

function aliasesIn(file: string): Alias[] {
  const { baseUrl = '.', paths = {} } = compilerOptions(file);
  return Object.entries(paths).map(([pattern, [target = '*']]) => {
    const escaped = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replace('*', '(.*)');
    return [new RegExp(`^${escaped}$`), resolve(dirname(file), baseUrl, target)];
  });
}

const CompilerOptions = v.object({
  baseUrl: v.optional(v.string()),
  paths: v.optional(v.record(v.string(), v.array(v.string()))),
});
const TsConfig = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ compilerOptions: v.optional(CompilerOptions, {}) }),
);

/** tsconfig.json may have comments and trailing commas; one that cannot be read has no paths. */
function compilerOptions(file: string): v.InferOutput<typeof CompilerOptions> {
  const text = readFileSync(file, 'utf8')
    .replaceAll(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*[^]*?\*\//g, '$1')
    .replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, '$1');
  const config = v.safeParse(TsConfig, text);
  return config.success ? config.output.compilerOptions : {};
}
