import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { isJimsApp } from 'jims-core';
import type { JimsApp, Pipeline } from 'jims-core';

import { explainLoadError, messageOf } from './load-error.ts';
import { APP_SCHEME, installResolveHook } from './resolve-hook.ts';

/** The app cannot be had; the message says why, in a line or two. */
export class AppLoadError extends Error {
  override readonly name = 'AppLoadError';
}

export interface LoadAppOptions {
  /** Where paths and bare names are looked up. */
  readonly cwd: string;
  readonly loader: 'auto' | 'native' | 'tsx';
}

const ENDINGS = ['', '.ts', '.mts', '.js', '.mjs', '/index.ts', '/index.js'];
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
  const exported = exportOf(await importModule(target, options), name, target);
  return settle(exported, reference);
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

async function importModule(target: string, { cwd, loader }: LoadAppOptions): Promise<object> {
  const file = fileOf(target, cwd);
  if (!file && (IS_PATH.test(target) || target === 'app')) {
    throw new AppLoadError(
      `There is no app at ${resolve(cwd, target)}: name it with --app FILE:EXPORT`,
    );
  }
  const tsx = await registerTsx(cwd, loader);
  const hook = installResolveHook(file ?? join(cwd, 'app.ts'), cwd);
  try {
    const module: object = await import(file ? pathToFileURL(file).href : APP_SCHEME + target);
    return module;
  } catch (error) {
    const message = explainLoadError(error, { tsx, lastLoaded: hook.lastLoaded });
    throw new AppLoadError(`Cannot load '${target}': ${message}`, { cause: error });
  }
}

function fileOf(target: string, cwd: string): string | undefined {
  const path = target.startsWith('file:') ? fileURLToPath(target) : resolve(cwd, target);
  const dotted = resolve(cwd, target.replaceAll('.', '/'));
  return [path, dotted]
    .flatMap((base) => ENDINGS.map((ending) => base + ending))
    .find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
}

/** Lets the project's own tsx load TypeScript, which knows more of it than Node does. */
async function registerTsx(cwd: string, loader: LoadAppOptions['loader']): Promise<boolean> {
  if (loader === 'native') return false;
  let path: string;
  try {
    path = createRequire(join(cwd, 'app.js')).resolve('tsx/esm/api');
  } catch (cause) {
    if (loader === 'auto') return false;
    throw new AppLoadError('--loader tsx needs tsx in your project: npm install -D tsx', { cause });
  }
  const tsx: { register(): unknown } = await import(pathToFileURL(path).href);
  tsx.register();
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

async function settle(exported: unknown, reference: string): Promise<JimsApp | Pipeline> {
  const value = await attempt(() => exported, reference);
  if (!isFactory(value)) return checked(value, reference, 'is');
  return checked(await attempt(() => value(), reference), reference, 'gives');
}

/** A pipeline takes a context; a function that takes nothing can only be a factory. */
function isFactory(value: unknown): value is () => unknown {
  return typeof value === 'function' && value.length === 0 && !isClass(value);
}

async function attempt(work: () => unknown, reference: string): Promise<unknown> {
  try {
    return await work();
  } catch (cause) {
    throw new AppLoadError(`The app factory '${reference}' failed: ${messageOf(cause)}`, { cause });
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
