import { createRequire } from 'node:module';

/** The name that a version has in the address of a module. Node loads an address once. */
const QUERY = 'jims';

/** The file of a module that imports another one. */
interface Importer {
  readonly file: string;
  readonly version: number;
}

interface KnownFile {
  /** The generations in which it became another module; the last one is in use. */
  readonly versions: number[];
  /** Files that import it. */
  readonly importers: Set<string>;
}

/**
 * The versions of a project's files. A change makes a new generation: the changed files, and all that import them,
 * get new addresses, so that Node loads them again; the others keep what they have. Code of an older
 * generation that imports something later gets the version that it would have got before.
 */
export class FileVersions {
  readonly #files = new Map<string, KnownFile>();
  readonly #isOfProject: (file: string) => boolean;
  /** CommonJS modules go by their file name alone. */
  readonly #commonJs = createRequire(import.meta.url).cache;
  readonly #commonJsFiles = new Set<string>();
  #generation = 0;
  /** The last generation that could be loaded. */
  #lastLoaded = -1;

  constructor(isOfProject: (file: string) => boolean) {
    this.#isOfProject = isOfProject;
  }

  /** Counts the generations from 0. */
  get generation(): number {
    return this.#generation;
  }

  /** The files of the project that were imported. */
  get files(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** Whether one of them is a CommonJS module. */
  get hasCommonJs(): boolean {
    return this.#commonJsFiles.size > 0;
  }

  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** Begins a new generation. What was new in one that could not be loaded is loaded once more. */
  begin(changed: Iterable<string>): void {
    this.#generation++;
    const stale = new Set<string>();
    for (const [file, { versions }] of this.#files) {
      if ((versions.at(-1) ?? 0) > this.#lastLoaded) stale.add(file);
    }
    for (const file of new Set([...stale, ...this.#withImporters(changed)])) {
      this.#files.get(file)?.versions.push(this.#generation);
      delete this.#commonJs[file];
    }
  }

  /** Says that a file is a CommonJS module: its address has no version, and it is always the newest one. */
  isCommonJs(file: string): void {
    if (this.#isOfProject(file)) this.#commonJsFiles.add(file);
  }

  /** Says that this generation could be loaded. */
  loaded(generation: number): void {
    this.#lastLoaded = Math.max(this.#lastLoaded, generation);
  }

  /** Whether a file is another module in this generation than before. */
  isNew(file: string): boolean {
    return this.#files.get(file)?.versions.at(-1) === this.#generation;
  }

  /** The address of a file as its importer is to have it. */
  versioned(file: string, url: string, importer: Importer | undefined): string {
    if (!this.#isOfProject(file) || file.endsWith('.node')) return url;
    const known = this.#files.get(file) ?? { versions: [this.#generation], importers: new Set() };
    this.#files.set(file, known);
    if (importer) known.importers.add(importer.file);
    const version = this.#versionFor(known, importer);
    if (version === 0) return url;
    return `${url}${url.includes('?') ? '&' : '?'}${QUERY}=${version}`;
  }

  #versionFor({ versions }: KnownFile, importer: Importer | undefined): number {
    const newest = versions.at(-1) ?? 0;
    const own = importer && this.#files.get(importer.file)?.versions;
    if (!importer || !own || this.#commonJsFiles.has(importer.file)) return newest;
    const replacedAt = own.find((each) => each > importer.version);
    if (replacedAt === undefined) return newest;
    return versions.findLast((each) => each < replacedAt) ?? versions[0] ?? newest;
  }

  /** Files, those that import them, those that import these, and so on. */
  #withImporters(files: Iterable<string>): ReadonlySet<string> {
    const found = new Set<string>();
    const left = [...files];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const known = this.#files.get(next);
      if (!known || found.has(next)) continue;
      found.add(next);
      left.push(...known.importers);
    }
    return found;
  }
}

/** The version that the address of a module has. */
export function versionIn(url: string): number {
  return Number(URL.parse(url)?.searchParams.get(QUERY) ?? 0);
}
