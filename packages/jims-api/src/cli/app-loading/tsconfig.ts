import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';

import { describeError } from 'jims-core/host';
import * as v from 'valibot';

import { readManifest, upwards } from './project.ts';
import { isFile } from './source-file.ts';

/** Where imports lead to, according to a tsconfig.json. */
export interface ImportPaths {
  /** Where bare names are looked up first, if anywhere. */
  readonly baseUrl: string | undefined;
  /** Patterns and the files that each may stand for; both have at most one star. */
  readonly paths: ReadonlyMap<string, readonly string[]>;
  /** Why a part of the file could not be read. */
  readonly problems: readonly string[];
}

const TsConfig = v.object({
  extends: v.optional(v.union([v.string(), v.array(v.string())]), []),
  references: v.optional(v.array(v.object({ path: v.string() })), []),
  compilerOptions: v.optional(
    v.object({
      baseUrl: v.optional(v.string()),
      paths: v.optional(v.record(v.string(), v.array(v.string()))),
    }),
    {},
  ),
});
type TsConfig = v.InferOutput<typeof TsConfig>;

/** The options of a file, with those that it inherits. */
interface Inherited {
  baseUrl?: string;
  paths?: { readonly folder: string; readonly entries: Paths };
}
type Paths = Readonly<Record<string, readonly string[]>>;

/**
 * Reads a tsconfig.json as TypeScript does: with everything that it extends, and `${configDir}`. A file
 * without paths of its own takes those of the files in the same folder that it references.
 */
export function readImportPaths(file: string): ImportPaths {
  const problems: string[] = [];
  const { baseUrl, paths } = new TsconfigReader(dirname(file), problems).read(file);
  const folder = baseUrl ?? paths?.folder ?? dirname(file);
  const targets = Object.entries(paths?.entries ?? {}).map(
    ([pattern, files]) => [pattern, files.map((each) => resolve(folder, each))] as const,
  );
  return { baseUrl, paths: new Map(targets), problems };
}

class TsconfigReader {
  readonly #configDir: string;
  readonly #problems: string[];
  /** The files being read: a file that extends itself, through others, is read once. */
  readonly #open = new Set<string>();

  constructor(configDir: string, problems: string[]) {
    this.#configDir = configDir;
    this.#problems = problems;
  }

  read(file: string): Inherited {
    if (this.#open.has(file)) return {};
    this.#open.add(file);
    const config = this.#parse(file);
    const inherited = config ? this.#optionsOf(config, file) : {};
    this.#open.delete(file);
    return inherited;
  }

  #optionsOf(config: TsConfig, file: string): Inherited {
    const folder = dirname(file);
    const options: Inherited = {};
    for (const name of [config.extends].flat()) {
      const parent = extendedFile(name, file);
      if (parent !== undefined) Object.assign(options, this.read(parent));
      else this.#problems.push(`${file} extends '${name}', which is not there`);
    }
    const { baseUrl, paths } = config.compilerOptions;
    if (baseUrl !== undefined) options.baseUrl = resolve(folder, this.#expand(baseUrl));
    if (paths) options.paths = { folder, entries: this.#expandAll(paths) };
    const isEmpty = options.baseUrl === undefined && options.paths === undefined;
    return isEmpty ? this.#referenced(config, folder) : options;
  }

  /** Project templates put the options into a tsconfig.app.json and leave tsconfig.json empty. */
  #referenced(config: TsConfig, folder: string): Inherited {
    return (
      config.references
        .map(({ path }) => resolve(folder, path))
        .filter((path) => dirname(path) === folder && isFile(path))
        .map((path) => this.read(path))
        .find(({ baseUrl, paths }) => baseUrl !== undefined || paths !== undefined) ?? {}
    );
  }

  #expandAll(paths: Paths): Paths {
    const expanded = Object.entries(paths).map(
      ([pattern, targets]) => [pattern, targets.map((each) => this.#expand(each))] as const,
    );
    return Object.fromEntries(expanded);
  }

  #expand(path: string): string {
    return path.replace(/^\$\{configDir\}/, () => this.#configDir);
  }

  #parse(file: string): TsConfig | undefined {
    try {
      return v.parse(TsConfig, JSON.parse(withoutComments(readFileSync(file, 'utf8'))));
    } catch (error) {
      this.#problems.push(`${file} cannot be read: ${describeError(error).message}`);
      return undefined;
    }
  }
}

/** A tsconfig.json may have comments and trailing commas. */
function withoutComments(text: string): string {
  return text
    .replace(/^\uFEFF/, '')
    .replaceAll(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*[^]*?\*\//g, '$1')
    .replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, '$1');
}

function extendedFile(name: string, from: string): string | undefined {
  if (isAbsolute(name) || /^\.{1,2}(?:[/\\]|$)/.test(name)) {
    return firstFile(configsAt(resolve(dirname(from), name)));
  }
  const folders = upwards(dirname(from)).map((folder) => join(folder, 'node_modules', name));
  return firstFile(folders.flatMap(configsAt)) ?? exportedConfig(name, from);
}

function configsAt(path: string): readonly string[] {
  return [path, `${path}.json`, ...configOfPackage(path), join(path, 'tsconfig.json')];
}

/** A package may name its config in the member `tsconfig` of its package.json. */
function configOfPackage(folder: string): readonly string[] {
  const tsconfig = readManifest(folder)?.tsconfig;
  return tsconfig === undefined ? [] : [join(folder, tsconfig)];
}

/** The config that a package exports. */
function exportedConfig(name: string, from: string): string | undefined {
  try {
    const file = createRequire(from).resolve(name);
    return file.endsWith('.json') ? file : undefined;
  } catch {
    return undefined;
  }
}

function firstFile(candidates: readonly string[]): string | undefined {
  return candidates.find((each) => isFile(each));
}
