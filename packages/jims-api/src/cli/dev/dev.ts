import { join, relative } from 'node:path';

import type { JimsApp } from 'jims-core';
import { describeError, openByDefault } from 'jims-core/host';
import type { Logger } from 'pino';

import { CodeFeed } from '../../server/code-feed.ts';
import { openOptionsOf } from '../../server/node-server/app-service.ts';
import { PortError } from '../../server/node-server/listen.ts';
import { flushLog } from '../../server/node-server/log-output.ts';
import { createLogger } from '../../server/node-server/logger.ts';
import { isStopping } from '../../server/node-server/stop-signals.ts';
import { preparePages } from '../../server/pages/page-routes.ts';
import type { ServeOptions, Service } from '../../server/serve-options.ts';
import { serve } from '../../server/serve.ts';
import { AppLoader } from '../app-loading/load-app.ts';
import type { DevOptions } from '../options/dev-options.ts';
import type { Environment } from '../options/option-table.ts';
import { servingOptions } from '../serving-options.ts';
import { APP_FILES, appIn, makeDevFolder } from './dev-folder.ts';
import { FolderWatch } from './folder-watch.ts';
import { LiveApp } from './live-app.ts';
import { openPage } from './open-page.ts';
import { startAnew, takeFromBefore } from './start-anew.ts';
import { StartFiles } from './start-files.ts';

export interface DevelopOptions {
  readonly options: DevOptions;
  readonly warnings: readonly string[];
  /** As the process got it: a new one reads `.env` again. */
  readonly env: Environment;
  /** Throws when a new process could not start: the reason is in a file that was just saved. */
  readonly requireStart: () => void;
}

/** How many ports are tried. */
const PORTS = 100;
/** While the app loads: how often its files so far are looked at. */
const LOADING_MS = 200;
/** Code that was edited under an open question is the rule here, and a pipeline that is busy for long is not. */
const REPLAY_WAIT_MS = 1000;

/** The command `jims-api dev`: serves an app, and goes on with its code as it is saved. */
export async function develop(given: DevelopOptions): Promise<void> {
  const cwd = process.cwd();
  makeDevFolder(cwd);
  const { options } = given;
  // The app may name a store of its own.
  if (options.store === undefined) process.env['JIMS_DB_CONN_URI'] = options.defaultStore;
  const logger = createLogger({ verbose: options.verbose, pretty: true });
  for (const warning of given.warnings) logger.warn(warning);
  await new Development(cwd, given, logger).start();
}

class Development {
  readonly #cwd: string;
  readonly #given: DevelopOptions;
  readonly #logger: Logger;
  readonly #startFiles: StartFiles;
  readonly #watch: FolderWatch;
  readonly #before = takeFromBefore();
  #live: LiveApp | undefined;
  #service: Service | undefined;
  #beforeExit: (() => Promise<void>) | undefined;
  #isEnding = false;

  constructor(cwd: string, given: DevelopOptions, logger: Logger) {
    this.#cwd = cwd;
    this.#given = given;
    this.#logger = logger;
    this.#startFiles = new StartFiles(cwd);
    this.#watch = new FolderWatch({
      onChange: (files) => void this.#change(files),
      onFault: (error) =>
        logger.warn(
          { error: describeError(error) },
          'a folder cannot be watched: start again after a change',
        ),
    });
  }

  async start(): Promise<void> {
    const begun = Date.now();
    const { options } = this.#given;
    const reference = options.app ?? appIn(this.#cwd);
    const limits = { ...options.limits, replayWaitMs: REPLAY_WAIT_MS };
    const serving = {
      ...(await servingOptions({ ...options, limits }, this.#logger)),
      endsOnException: false,
    };
    this.#beforeExit = serving.beforeExit;
    openByDefault(openOptionsOf(serving));
    const { app, code } = await (reference === undefined ? this.#demo() : this.#load(reference));
    const service = await this.#serve(app, { ...serving, code });
    this.#service = service;
    this.#present(app, reference, service);
    await this.#watchAfterLoad(begun);
    const { playground = false, widget = false } = serving;
    await preparePages({ playground, widget }).catch((error: unknown) => {
      this.#logger.error({ error: describeError(error) }, 'the pages cannot be served');
    });
  }

  async #demo(): Promise<Served> {
    const begun = performance.now();
    const { app } = await import('../../demo/app.ts');
    const code = new CodeFeed();
    code.set({ type: 'loaded', generation: 1, ms: Math.round(performance.now() - begun) });
    return { app, code };
  }

  async #load(reference: string): Promise<Served> {
    const { loader: kind } = this.#given.options;
    const loader = await AppLoader.prepare(reference, {
      cwd: this.#cwd,
      loader: kind,
      logger: this.#logger,
      reloads: true,
    });
    const live = new LiveApp({
      loader,
      logger: this.#logger,
      startAnew: (reason) => void this.#startAnew(reason),
    });
    this.#live = live;
    // An app that never ends to load is mended in a file, too.
    const loading = setInterval(() => this.#watchFolders(), LOADING_MS).unref();
    try {
      return { app: await live.load(), code: live.feed };
    } finally {
      clearInterval(loading);
    }
  }

  /** Serves it on its port, or on the next one that is free. */
  async #serve(app: JimsApp, serving: ServeOptions): Promise<Service> {
    const first = this.#before.port ?? serving.port ?? 0;
    for (let port = first; ; port++) {
      try {
        const service = await serve(app, { ...serving, port });
        if (port !== first) this.#logger.warn(`port ${first} is in use: this is ${port}`);
        return service;
      } catch (error) {
        const isTaken =
          error instanceof PortError && error.isInUse && error.options.includes('port');
        if (!isTaken || port >= first + PORTS) throw error;
      }
    }
  }

  /** What a person reads first: the one address to open. */
  #present(app: JimsApp, reference: string | undefined, { url }: Service): void {
    const { open } = this.#given.options;
    if (this.#before.port !== undefined) return;
    const source = reference ?? `a built-in app: write your own into ${APP_FILES[0]}`;
    const name = app.name === undefined ? '' : `${app.name}, `;
    process.stdout.write(`\n  Open ${url}/ to talk with ${name}${source}\n\n`);
    if (open) openPage(`${url}/`);
  }

  #watchFolders(): void {
    const folders = new Set([this.#cwd, ...(this.#live?.folders ?? [join(this.#cwd, 'src')])]);
    this.#startFiles.add(folders);
    this.#watch.add(folders);
  }

  /** Watches what was loaded; what was saved since then, before its folder was watched, is loaded again. */
  async #watchAfterLoad(begun: number): Promise<void> {
    this.#watchFolders();
    const saved = this.#live?.savedSince(begun);
    if (saved && saved.size > 0) await this.#change(saved);
  }

  async #change(files: ReadonlySet<string>): Promise<void> {
    const startFile = this.#startFiles.changedAmong(files);
    if (startFile !== undefined) return this.#startAnew(`${this.#name(startFile)} has changed`);
    if (this.#live) {
      const begun = Date.now();
      await this.#live.change(files);
      await this.#watchAfterLoad(begun);
      return;
    }
    const isApp = this.#service !== undefined && appIn(this.#cwd) !== undefined;
    if (isApp) await this.#startAnew('there is an app now');
  }

  async #startAnew(reason: string): Promise<void> {
    if (this.#isEnding) return;
    try {
      this.#given.requireStart();
    } catch (error) {
      this.#logger.error(
        {},
        `${reason}, but the command could not start: ${describeError(error).message}`,
      );
      return;
    }
    this.#isEnding = true;
    this.#logger.info({}, `${reason}: starting anew, runs are finished first`);
    const port = this.#service?.port ?? this.#before.port;
    await this.#service?.stop();
    await this.#beforeExit?.();
    await flushLog();
    this.#watch.close();
    // Somebody may have had enough while runs were finished.
    if (!isStopping()) startAnew(port, this.#given.env);
  }

  #name(file: string): string {
    return relative(this.#cwd, file);
  }
}

interface Served {
  readonly app: JimsApp;
  readonly code: CodeFeed;
}
