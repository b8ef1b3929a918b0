import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, extname, sep } from 'node:path';

import { defineApp, isJimsApp } from 'jims-core';
import type { JimsApp, Logger } from 'jims-core';
import { refuseRuns, reloading, takeOver } from 'jims-core/host';

import { CodeFeed } from '../../server/code-feed.ts';
import { logOutput } from '../../server/node-server/log-output.ts';
import type { FileVersions } from '../app-loading/file-versions.ts';
import type { AppLoader } from '../app-loading/load-app.ts';
import { AppLoadError } from '../app-loading/load-error.ts';
import { upwards } from '../app-loading/project.ts';
import { ENDINGS, isFile } from '../app-loading/source-file.ts';
import { brokenCode, excerptText } from './code-excerpt.ts';

export interface LiveAppOptions {
  readonly loader: AppLoader;
  readonly logger: Logger;
  /** Called for a change that the app cannot take over while it is open. */
  readonly startAnew: (reason: string) => void;
}

/** Node keeps every module that it has loaded. */
const MAX_GENERATIONS = 1000;
const MODULE_ENDINGS: ReadonlySet<string> = new Set([...ENDINGS, '.json']);

/** An app whose code is replaced while it is served. */
export class LiveApp {
  readonly feed = new CodeFeed();
  readonly #options: LiveAppOptions;
  readonly #versions: FileVersions;
  /** The one that is served: it takes over the code of all that come after it. */
  #app: JimsApp | undefined;
  #generation = 0;
  /** The path of a file whose import failed. */
  #missing: string | undefined;

  constructor(options: LiveAppOptions) {
    this.#options = options;
    this.#versions = options.loader.versions;
  }

  /** The folders in which a change may matter. */
  get folders(): ReadonlySet<string> {
    const folders = this.#versions.files.map(dirname);
    const missing =
      this.#missing && upwards(dirname(this.#missing)).find((each) => existsSync(each));
    const { file } = this.#options.loader;
    return new Set([
      ...folders,
      ...(missing === undefined ? [] : [missing]),
      ...(file === undefined ? [] : [dirname(file)]),
    ]);
  }

  /** Loads the app. When it is broken, one that refuses all runs is served instead. */
  async load(): Promise<JimsApp> {
    try {
      const begun = performance.now();
      this.#app = await this.#loadNow();
      this.#isInService(performance.now() - begun);
    } catch (error) {
      if (!(error instanceof AppLoadError)) throw error;
      this.#app = defineApp(() => {});
      refuseRuns(this.#app, error.message);
      this.#broken(error);
    }
    return this.#app;
  }

  /** The files of the app that were saved after a time, in milliseconds since 1970. */
  savedSince(time: number): ReadonlySet<string> {
    const saved = this.#versions.files.filter((file) => savedAt(file) > time);
    // Its folder may have been made for it.
    const missing = this.#missing !== undefined && isFile(this.#missing) ? [this.#missing] : [];
    return new Set([...saved, ...missing]);
  }

  /** Loads again what has changed, if anything of these files is part of the app. */
  async change(files: ReadonlySet<string>): Promise<void> {
    const { loader, startAnew } = this.#options;
    const versions = this.#versions;
    const changed = this.#changedIn(files);
    if (changed.length === 0) return;
    const [first = ''] = changed;
    if (!this.#app) return startAnew(`${first} has changed while the app was loading`);
    if (!loader.canReload)
      return startAnew(`${first} has changed, and tsx has made CommonJS of it`);
    if (versions.generation >= MAX_GENERATIONS) {
      return startAnew(`${MAX_GENERATIONS} versions are in memory, as Node lets go of none`);
    }
    versions.begin(changed);
    const { generation } = versions;
    if (!this.#isEntryNew()) return startAnew(`${first} has changed, which a package has loaded`);
    await this.#reload(this.#app, generation);
  }

  async #reload(app: JimsApp, generation: number): Promise<void> {
    const { logger, startAnew } = this.#options;
    const isNewest = (): boolean => this.#versions.generation === generation;
    const begun = performance.now();
    reloading(app);
    try {
      const fresh = await this.#loadNow();
      // A newer change has begun another load.
      if (!isNewest()) return;
      const fixed = takeOver(app, fresh);
      if (fixed.length > 0) return startAnew(`${fixed.join(', ')}: an open app cannot change it`);
      const ms = this.#isInService(performance.now() - begun);
      logger.info({ version: this.#generation, ms }, 'the new code is live');
    } catch (error) {
      if (!(error instanceof AppLoadError)) throw error;
      if (isNewest()) this.#broken(error);
    } finally {
      if (isNewest()) reloading(undefined);
    }
  }

  async #loadNow(): Promise<JimsApp> {
    const loaded = await this.#options.loader.load({ isServed: this.#app !== undefined });
    return isJimsApp(loaded) ? loaded : defineApp(loaded);
  }

  #isInService(duration: number): number {
    const versions = this.#versions;
    const ms = Math.round(duration);
    versions.loaded(versions.generation);
    this.#missing = undefined;
    this.#generation++;
    this.feed.set({ type: 'loaded', generation: this.#generation, ms });
    return ms;
  }

  #broken(error: AppLoadError): void {
    const { logger } = this.#options;
    this.#missing = error.missing;
    const state = brokenCode(error, this.#generation);
    this.feed.set(state);
    const [message = '', ...hints] = error.message.split('\n');
    logger.error({}, message);
    logOutput().write(hints.map((hint) => `  ${hint}\n`).join('') + excerptText(state));
    const service =
      this.#generation > 0
        ? 'the last code that worked stays in service'
        : 'chats are answered with this error';
    logger.warn({}, `${service} until you save`);
  }

  #changedIn(files: ReadonlySet<string>): readonly string[] {
    const versions = this.#versions;
    const known = versions.files.filter((file) => files.has(file) || files.has(dirname(file)));
    const isBroken = this.feed.state?.type !== 'loaded';
    // It may be what was missing.
    const fresh = [...files].filter(
      (file) => !versions.has(file) && (MODULE_ENDINGS.has(extname(file)) || this.#mayHold(file)),
    );
    return isBroken ? [...known, ...fresh] : known;
  }

  /** Whether a path is a folder that is to hold the file that was missing. */
  #mayHold(path: string): boolean {
    return this.#missing?.startsWith(path + sep) === true;
  }

  /** Whether the module of the app is loaded again: all others are loaded by it. */
  #isEntryNew(): boolean {
    const { loader } = this.#options;
    const versions = this.#versions;
    if (loader.file === undefined) return false;
    return versions.isNew(existsSync(loader.file) ? realpathSync(loader.file) : loader.file);
  }
}

function savedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
