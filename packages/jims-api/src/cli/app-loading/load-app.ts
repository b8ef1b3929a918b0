import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { isJimsApp } from 'jims-core';
import type { JimsApp, Logger, Pipeline } from 'jims-core';

import { noticeWaiting } from '../../server/node-server/notice-waiting.ts';
import { orInterrupted } from './interruptions.ts';
import { explainLoadError } from './load-error.ts';
import type { LoadErrorContext } from './load-error.ts';
import { tsconfigFor } from './project.ts';
import { APP_SCHEME, installResolveHook } from './resolve-hook.ts';
import { ENDINGS, isFile } from './source-file.ts';

/** The app cannot be had; the message says why, in a line or two. */
export class AppLoadError extends Error {
  override readonly name = 'AppLoadError';
}

export interface LoadAppOptions {
  /** Where paths and bare names are looked up. */
  readonly cwd: string;
  readonly loader: 'auto' | 'native' | 'tsx';
  readonly logger: Logger;
}

const FILES = ['', ...ENDINGS, ...ENDINGS.map((ending) => `/index${ending}`)];
/** Ten, as it is by default, may all be of a library that the app calls. */
const STACK_FRAMES = 50;
const IS_PATH = /^(?:[./\\]|file:|[A-Za-z]:[\\/])|\.[cm]?[jt]s$/;

/**
 * Loads what `file.ts:export` or `package/module:export` names; the export is `app`, else
 * `default`, when none is given. It may be an app, a pipeline (a function of a context, or an
 * object with `run`), a promise of one, or a factory: a function without parameters, or an async
 * one, that gives one.
 *
 * @throws AppLoadError
 */
export async function loadApp(
  reference: string,
  options: LoadAppOptions,
): Promise<JimsApp | Pipeline> {
  const { target, name } = parseReference(reference);
  const context = await prepare(target, options);
  const frames = Error.stackTraceLimit;
  Error.stackTraceLimit = Math.max(frames, STACK_FRAMES);
  try {
    const exported = exportOf(await importModule(target, reference, context), name, target);
    return await settle(exported, reference, context);
  } finally {
    Error.stackTraceLimit = frames;
    context.hook.record.close();
  }
}

/** How an app is loaded. */
interface Loading extends LoadErrorContext {
  readonly url: string;
  readonly logger: Logger;
}

function parseReference(reference: string): { target: string; name: string | undefined } {
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

async function prepare(target: string, { cwd, loader, logger }: LoadAppOptions): Promise<Loading> {
  const file = fileOf(target, cwd);
  if (!file && (IS_PATH.test(target) || target === 'app')) {
    throw new AppLoadError(
      `There is no app at ${resolve(cwd, target)}: name it with --app FILE:EXPORT`,
    );
  }
  const tsconfig = tsconfigFor(file === undefined ? cwd : dirname(file), cwd);
  const tsx = await registerTsx(loader, { cwd, tsconfig });
  const hook = installResolveHook(cwd);
  logger.debug(
    { app: file ?? target, loader: tsx ? 'tsx' : 'native', tsconfig },
    'loading the app',
  );
  return { tsx, hook, logger, url: file ? pathToFileURL(file).href : APP_SCHEME + target };
}

async function importModule(target: string, reference: string, loading: Loading): Promise<object> {
  const imported: Promise<object> = import(loading.url);
  const still =
    'still loading the app: it, or a module that it imports, waits at a top-level await';
  try {
    return await patiently(imported, { reference, still, ...loading });
  } catch (error) {
    if (error instanceof AppLoadError) throw error;
    const message = explainLoadError(error, loading);
    throw new AppLoadError(`Cannot load '${target}': ${message}`, { cause: error });
  }
}

interface Step extends Loading {
  readonly reference: string;
  /** What the log says when it takes long. */
  readonly still: string;
}

/** Waits as long as it takes, and no longer. */
async function patiently<T>(step: Promise<T>, { reference, still, logger }: Step): Promise<T> {
  return orInterrupted(
    noticeWaiting(step, () => logger.warn({ app: reference }, still)),
    () => new AppLoadError(`'${reference}' waits for something that never comes`),
  );
}

function fileOf(target: string, cwd: string): string | undefined {
  const path = target.startsWith('file:') ? fileURLToPath(target) : resolve(cwd, target);
  const dotted = resolve(cwd, target.replaceAll('.', '/'));
  return [path, dotted].flatMap((base) => FILES.map((ending) => base + ending)).find(isFile);
}

/** Lets the project's own tsx load TypeScript, which knows more of it than Node does. */
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
  // By itself it takes a tsconfig.json of any folder above.
  const chosen = process.env['TSX_TSCONFIG_PATH'] ? {} : { tsconfig: tsconfig ?? false };
  tsx.register(chosen);
  return true;
}

function exportOf(module: object, name: string | undefined, target: string): unknown {
  const exports = new Map<string, unknown>(Object.entries(module));
  const fallback = exports.get('default');
  if (typeof fallback === 'object' && fallback !== null && !isJimsApp(fallback)) {
    // A CommonJS module is one default export with members.
    for (const [key, value] of Object.entries(fallback))
      if (!exports.has(key)) exports.set(key, value);
  }
  const names = name === undefined ? ['app', 'default'] : [name];
  const found = names.find((each) => exports.get(each) !== undefined);
  if (found !== undefined) return exports.get(found);
  const known = [...exports.keys()].filter(
    (key) => key !== 'module.exports' && key !== '__esModule',
  );
  throw new AppLoadError(
    `'${target}' has no export '${name ?? 'app'}'; it exports ${known.join(', ') || 'nothing'}`,
  );
}

async function settle(
  exported: unknown,
  reference: string,
  loading: Loading,
): Promise<JimsApp | Pipeline> {
  const value = await attempt(() => exported, reference, loading);
  if (!isFactory(value)) return checked(value, reference, 'is');
  return checked(await attempt(() => value(), reference, loading), reference, 'gives');
}

/** A pipeline takes a context; a function that takes nothing can only be a factory. */
function isFactory(value: unknown): value is () => unknown {
  return typeof value === 'function' && value.length === 0 && !isClass(value);
}

async function attempt(work: () => unknown, reference: string, loading: Loading): Promise<unknown> {
  async function result(): Promise<unknown> {
    return work();
  }
  const still = 'still waiting for what the app factory gives';
  try {
    return await patiently(result(), { reference, still, ...loading });
  } catch (error) {
    if (error instanceof AppLoadError) throw error;
    const message = explainLoadError(error, loading);
    throw new AppLoadError(`The app factory '${reference}' failed: ${message}`, { cause: error });
  }
}

function checked(value: unknown, reference: string, verb: string): JimsApp | Pipeline {
  if (isJimsApp(value) || isPipeline(value)) return value;
  throw new AppLoadError(
    `'${reference}' ${verb} ${describe(value)}, which is neither an app (defineApp), nor a pipeline (ctx) => …, nor a factory () => app`,
  );
}

function isPipeline(value: unknown): value is Pipeline {
  if (typeof value === 'function') return !isClass(value);
  return (
    typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function'
  );
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(value.toString());
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (isClass(value)) return 'a class';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
