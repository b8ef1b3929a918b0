import { statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, join } from 'node:path';

/** Editors save in several steps: written, renamed, its mode set. */
const QUIET_MS = 15;
/** How often a folder is looked for that was removed, as a change of branches may do for a moment. */
const LOOK_AGAIN_MS = 250;

export interface FolderWatchOptions {
  /** Gets the paths of files that may have changed, come or gone; and of folders that are there again. */
  readonly onChange: (files: ReadonlySet<string>) => void;
  readonly onFault: (error: unknown) => void;
}

function inodeOf(folder: string): number | undefined {
  return statSync(folder, { throwIfNoEntry: false })?.ino;
}

/** Watches folders, without what is in their folders, for changes of files. */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #missing = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #lookAgain: NodeJS.Timeout;
  #changed = new Set<string>();
  #quiet: NodeJS.Timeout | undefined;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#lookAgain = setInterval(() => this.#findMissing(), LOOK_AGAIN_MS).unref();
  }

  /** Watches these folders, too. */
  add(folders: Iterable<string>): void {
    const known = [this.#watchers, this.#missing, this.#refused];
    for (const folder of folders) {
      if (!known.some((each) => each.has(folder))) this.#watch(folder);
    }
  }

  close(): void {
    clearInterval(this.#lookAgain);
    clearTimeout(this.#quiet);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string): void {
    try {
      const inode = statSync(folder).ino;
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (name !== null) this.#note(join(folder, name));
        // Its own end is reported as a change of a file of its name.
        if (name === basename(folder) && inodeOf(folder) !== inode) this.#lose(folder);
      });
      watcher.on('error', () => this.#lose(folder));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      if (Error.isError(error) && 'code' in error && error.code === 'ENOENT') {
        this.#missing.add(folder);
      } else {
        // Not tried again: there may be more folders than the system watches.
        this.#refused.add(folder);
        this.#options.onFault(error);
      }
    }
  }

  /** A folder that was removed is watched again when there is another one of its name. */
  #lose(folder: string): void {
    const watcher = this.#watchers.get(folder);
    if (!watcher) return;
    this.#watchers.delete(folder);
    watcher.close();
    this.#missing.add(folder);
  }

  #findMissing(): void {
    for (const folder of new Set(this.#missing)) {
      this.#missing.delete(folder);
      this.#watch(folder);
      if (!this.#missing.has(folder)) this.#note(folder);
    }
  }

  #note(path: string): void {
    this.#changed.add(path);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      const files = this.#changed;
      this.#changed = new Set();
      this.#options.onChange(files);
    }, QUIET_MS);
  }
}
