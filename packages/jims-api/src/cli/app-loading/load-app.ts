import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { JimsApp, Logger, Pipeline } from 'jims-core';
import { noticeWaiting } from 'jims-core/host';

import { exportOf, isFactory, requireApp } from './app-export.ts';
import type { FileVersions } from './file-versions.ts';
import { AppLoadError, explainLoadError } from './load-error.ts';
import { tsconfigFor } from './project.ts';
import { APP_SCHEME, installResolveHook } from './resolve-hook.ts';
import type { ResolveHook } from './resolve-hook.ts';
import { ENDINGS, isFile } from './source-file.ts';

export interface LoadAppOptions {
  /** Where paths and bare names are looked up. */
  readonly cwd: string;
  readonly loader: 'auto' | 'native' | 'tsx';
  readonly logger: Logger;
  /** Whether it is to be loaded again when its files change. */
  readonly reloads?: boolean;
}

const FILES = ['', ...ENDINGS, ...ENDINGS.map((ending) => `/index${ending}`)];
/** Node's default of ten frames may all belong to a library that the app calls. */
const STACK_FRAMES = 50;
const IS_PATH = /^(?:[./\\]|file:|[A-Za-z]:[\\/])|\.[cm]?[jt]s$/;

/**
 * Loads what `file.ts:export` or `package/module:export` names; without an export `app`, or else
 * `default`. That may be an app, a pipeline (a function of a context, or an object with `run`), a promise
 * of one, or a factory: a function without parameters, also an async one, that returns one.
 *
 * @throws AppLoadError
 */
export async function loadApp(
  reference: string,
  options: LoadAppOptions,
): Promise<JimsApp | Pipeline> {
  const loader = await AppLoader.prepare(reference, options);
  return loader.load();
}

interface Reference {
  readonly target: string;
  readonly name: string | undefined;
}

function parseReference(reference: string): Reference {
  const colon = reference.lastIndexOf(':');
  const isDrive = colon === 1 && /^[A-Za-z]:[\\/]/.test(reference);
  const isScheme = reference.slice(0, colon) === 'file';
  if (colon < 0 || isDrive || isScheme) return { target: required(reference), name: undefined };
  const name = reference.slice(colon + 1);
  const target = reference.slice(0, colon);
  if (name && target && !(target.includes(':') && !IS_PATH.test(target))) return { target, name };
  throw new AppLoadError(`--app must be FILE:EXPORT, such as ./app.ts:app, not '${reference}'`);
}

function required(target: string): string {
  if (target) return target;
  throw new AppLoadError('--app is empty: name a file, such as ./app.ts:app');
}

/** Imports a module and gets the app out of it; each step may wait, fail, or never end. */
export class AppLoader {
  readonly #reference: string;
  readonly #target: string;
  readonly #name: string | undefined;
  readonly #url: string;
  readonly #tsx: boolean;
  readonly #hook: ResolveHook;
  readonly #logger: Logger;
  #loads = 0;
  #isServed = false;

  private constructor(
    names: Reference & { readonly reference: string; readonly url: string },
    loader: { readonly tsx: boolean; readonly hook: ResolveHook; readonly logger: Logger },
  ) {
    this.#reference = names.reference;
    this.#target = names.target;
    this.#name = names.name;
    this.#url = names.url;
    this.#tsx = loader.tsx;
    this.#hook = loader.hook;
    this.#logger = loader.logger;
  }

  /**
   * Makes Node load the files of the project.
   *
   * @throws AppLoadError when there is no such file.
   */
  static async prepare(
    reference: string,
    { cwd, loader, logger, reloads = false }: LoadAppOptions,
  ): Promise<AppLoader> {
    const { target, name } = parseReference(reference);
    const file = fileOf(target, cwd);
    if (!file && (IS_PATH.test(target) || target === 'app')) {
      throw new AppLoadError(
        `There is no app at ${resolve(cwd, target)}: name it with --app FILE:EXPORT`,
      );
    }
    const tsconfig = tsconfigFor(file === undefined ? cwd : dirname(file), cwd);
    const tsx = await registerTsx(loader, { cwd, tsconfig });
    const hook = installResolveHook(cwd, { reloads });
    const facts = { app: file ?? target, loader: tsx ? 'tsx' : 'native', tsconfig };
    logger.debug(facts, 'loading the app');
    const url = file ? pathToFileURL(file).href : APP_SCHEME + target;
    return new AppLoader({ reference, target, name, url }, { tsx, hook, logger });
  }

  /** The module's file; `undefined` for the module of a package. */
  get file(): string | undefined {
    return this.#url.startsWith('file:') ? fileURLToPath(this.#url) : undefined;
  }

  /** The files that were loaded, when it `reloads`. */
  get versions(): FileVersions {
    return this.#hook.versions;
  }

  /** Whether `load` loads changed files again: tsx keeps what it has compiled to CommonJS. */
  get canReload(): boolean {
    return !this.#tsx || !this.versions.hasCommonJs;
  }

  /**
   * Loads the app, or what of it has changed. While it `isServed` an error that nobody caught need not come from
   * the new code, and ends nothing here.
   *
   * @throws AppLoadError
   */
  async load({ isServed = false } = {}): Promise<JimsApp | Pipeline> {
    const load = ++this.#loads;
    this.#isServed = isServed;
    const frames = Error.stackTraceLimit;
    Error.stackTraceLimit = Math.max(frames, STACK_FRAMES);
    this.#hook.record.open();
    try {
      return await this.#appOf(exportOf(await this.#importModule(), this.#name, this.#target));
    } finally {
      Error.stackTraceLimit = frames;
      if (load === this.#loads) this.#hook.record.close();
    }
  }

  async #importModule(): Promise<object> {
    const url = this.#url;
    const imported: Promise<object> = import(url);
    const still =
      'still loading the app: it, or a module that it imports, waits at a top-level await';
    return this.#step(imported, `Cannot load '${this.#target}'`, still);
  }

  /** The app that an export is, promises or makes. */
  async #appOf(exported: unknown): Promise<JimsApp | Pipeline> {
    const value = await this.#result(() => exported);
    if (!isFactory(value)) return requireApp(value, `'${this.#reference}' is`);
    return requireApp(await this.#result(value), `'${this.#reference}' gives`);
  }

  #result(work: () => unknown): Promise<unknown> {
    const result = async (): Promise<unknown> => work();
    const failed = `The app factory '${this.#reference}' failed`;
    return this.#step(result(), failed, 'still waiting for the result of the app factory');
  }

  /** Waits as long as the process has anything to wait for; `still` is logged when it takes long. */
  async #step<T>(step: Promise<T>, failed: string, still: string): Promise<T> {
    const app = this.#reference;
    try {
      const waited = noticeWaiting(step, () => this.#logger.warn({ app }, still));
      if (this.#isServed) return await waited;
      return await orInterrupted(
        waited,
        () => new AppLoadError(`'${app}' waits for something that never comes`),
      );
    } catch (cause) {
      if (cause instanceof AppLoadError) throw cause;
      const context = { tsx: this.#tsx, hook: this.#hook };
      const { message, position } = explainLoadError(cause, context);
      const missing = this.#hook.record.missingFile(cause);
      throw new AppLoadError(`${failed}: ${message}`, { cause, position, missing });
    }
  }
}

/**
 * Waits for a step, and rejects when something else ends it: an error that nobody caught, in a timer or
 * in a promise that nobody awaits, or a process that has nothing left to wait for.
 */
async function orInterrupted<T>(step: Promise<T>, nothingLeft: () => Error): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  const onError = (error: unknown): void => interrupted.reject(error);
  const onIdle = (): void => interrupted.reject(nothingLeft());
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  process.on('beforeExit', onIdle);
  try {
    return await Promise.race([step, interrupted.promise]);
  } finally {
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
    process.off('beforeExit', onIdle);
  }
}

function fileOf(target: string, cwd: string): string | undefined {
  const path = target.startsWith('file:') ? fileURLToPath(target) : resolve(cwd, target);
  const dotted = resolve(cwd, target.replaceAll('.', '/'));
  return [path, dotted].flatMap((base) => FILES.map((ending) => base + ending)).find(isFile);
}

/** Lets the project's own tsx load TypeScript: it supports more of the language than Node does. */
async function registerTsx(
  loader: LoadAppOptions['loader'],
  { cwd, tsconfig }: { readonly cwd: string; readonly tsconfig: string | undefined },
): Promise<boolean> {
  if (loader === 'native') return false;
  let path: string;
  try {
    path = createRequire(join(cwd, 'app.js')).resolve('tsx/esm/api');
  } catch (cause) {
    if (loader === 'auto') return false;
    throw new AppLoadError('--loader tsx needs tsx in your project: npm install -D tsx', { cause });
  }
  const tsx: { register(options: object): unknown } = await import(pathToFileURL(path).href);
  // By default tsx takes a tsconfig.json from any folder above.
  const chosen = process.env['TSX_TSCONFIG_PATH'] ? {} : { tsconfig: tsconfig ?? false };
  tsx.register(chosen);
  return true;
}
