import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Files that are read when a process starts, in the folders of the app. */
const NAMES: ReadonlySet<string> = new Set(['package.json', 'tsconfig.json']);

/** The files that only a new process reads: a change of what is in them needs one. */
export class StartFiles {
  readonly #cwd: string;
  readonly #contents = new Map<string, string>();

  constructor(cwd: string) {
    this.#cwd = cwd;
    this.add([cwd]);
  }

  /** Remembers those of more folders as they are now. */
  add(folders: Iterable<string>): void {
    for (const folder of folders) {
      for (const name of [...NAMES, '.env']) {
        const file = join(folder, name);
        if (this.#isOne(file) && !this.#contents.has(file))
          this.#contents.set(file, contentOf(file));
      }
    }
  }

  /** One of these files that is not as it was, if there is one: many programs write what is there already. */
  changedAmong(files: ReadonlySet<string>): string | undefined {
    return [...files].find((file) => {
      if (!this.#isOne(file)) return false;
      const content = contentOf(file);
      const isSame = (this.#contents.get(file) ?? '') === content;
      this.#contents.set(file, content);
      return !isSame;
    });
  }

  #isOne(file: string): boolean {
    const name = basename(file);
    return name === '.env' ? dirname(file) === this.#cwd : NAMES.has(name);
  }
}

/** Nothing for a file that is not there. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
