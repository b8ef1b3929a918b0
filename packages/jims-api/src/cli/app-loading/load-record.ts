import { readFileSync } from 'node:fs';
import { dirname, resolve as absolute } from 'node:path';
import { fileURLToPath } from 'node:url';

import { isFile } from './source-file.ts';

/** An import, and the file that contains it. */
export interface Import {
  readonly specifier: string;
  /** The importing file; `undefined` for the command itself. */
  readonly importer: string | undefined;
}

/** A position in a file; lines and columns count from 1. */
export interface CodePosition {
  readonly file: string;
  readonly line?: number;
  readonly column?: number | undefined;
}

interface Loaded {
  readonly format?: string | null | undefined;
}

/**
 * Records which file imported which while the app loads: Node's own errors often name only one of the
 * two. Forgets everything when the app is loaded, until it is loaded again.
 */
export class LoadRecord {
  /** The first import of each URL. */
  readonly #imports = new Map<string, Import>();
  readonly #failed = new WeakMap<Error, Import>();
  readonly #modules = new Set<string>();
  #closed = false;

  /** The ECMAScript modules that were read, the last one first. */
  get modules(): readonly string[] {
    return [...this.#modules].toReversed();
  }

  /** The import that caused an error: the one that failed, or the one that loaded the file in its message. */
  failedImport(error: Error): Import | undefined {
    const known = this.#failed.get(error);
    if (known) return known;
    const named = [...this.#imports.keys()].find(
      (url) => url.startsWith('file:') && namesFile(error.message, url),
    );
    return named === undefined ? undefined : this.#imports.get(named);
  }

  /** The import that loaded a file. */
  importOf(url: string): Import | undefined {
    return this.#imports.get(url);
  }

  /** The path of a file that an import names and that is not there. */
  missingFile(error: unknown): string | undefined {
    const { specifier = '', importer } = (Error.isError(error) && this.#failed.get(error)) || {};
    if (importer === undefined || !/^\.{0,2}\//.test(specifier)) return undefined;
    return absolute(dirname(importer), specifier);
  }

  resolve<T extends { readonly url: string }>(wanted: Import, resolve: () => T): T {
    if (this.#closed) return resolve();
    try {
      const found = resolve();
      if (!this.#imports.has(found.url)) this.#imports.set(found.url, wanted);
      return found;
    } catch (error) {
      this.#note(error, wanted);
      throw error;
    }
  }

  load<T extends Loaded>(url: string, load: () => T): T {
    if (this.#closed) return load();
    try {
      const loaded = load();
      if (loaded.format?.startsWith('module') && url.startsWith('file:')) {
        this.#modules.add(fileURLToPath(url));
      }
      return loaded;
    } catch (error) {
      this.#note(error, this.#imports.get(url));
      throw error;
    }
  }

  open(): void {
    this.#closed = false;
  }

  close(): void {
    this.#closed = true;
    this.#imports.clear();
    this.#modules.clear();
  }

  #note(error: unknown, wanted: Import | undefined): void {
    if (Error.isError(error) && wanted && !this.#failed.has(error)) this.#failed.set(error, wanted);
  }
}

function namesFile(message: string, url: string): boolean {
  return message.includes(`"${url}"`) || message.startsWith(`${fileURLToPath(url)}: `);
}

/** The position of an import; without a line when that is not found. */
export function importPosition({ specifier, importer }: Import): CodePosition | undefined {
  if (importer === undefined) return undefined;
  if (!isFile(importer)) return { file: importer };
  const lines = readFileSync(importer, 'utf8').split('\n');
  const index = lines.findIndex((line) =>
    [`'${specifier}'`, `"${specifier}"`, `\`${specifier}\``].some((quoted) =>
      line.includes(quoted),
    ),
  );
  return index === -1 ? { file: importer } : { file: importer, line: index + 1 };
}
