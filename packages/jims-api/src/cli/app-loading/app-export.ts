// What the module of an app exports.
import { isJimsApp } from 'jims-core';
import type { JimsApp, Pipeline } from 'jims-core';

import { AppLoadError } from './load-error.ts';

/**
 * The export of a module by its name; without a name `app`, or else `default`.
 *
 * @throws AppLoadError that names the exports when there is no such one.
 */
export function exportOf(module: object, name: string | undefined, target: string): unknown {
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
  const empty = names.find((each) => exports.has(each));
  if (empty !== undefined) {
    throw new AppLoadError(
      `The export '${empty}' of '${target}' is undefined: it must be an app, a pipeline, or a factory of one`,
    );
  }
  throw new AppLoadError(
    `'${target}' has no export '${name ?? 'app'}'; it exports ${known.join(', ') || 'nothing'}`,
  );
}

/** True for a function without parameters: a pipeline takes a context. */
export function isFactory(value: unknown): value is () => unknown {
  return typeof value === 'function' && value.length === 0 && !isClass(value);
}

/** @throws AppLoadError for anything but an app or a pipeline; `subject` says what the value is of. */
export function requireApp(value: unknown, subject: string): JimsApp | Pipeline {
  if (isJimsApp(value) || isPipeline(value)) return value;
  throw new AppLoadError(
    `${subject} ${describe(value)}, which is neither an app (defineApp), nor a pipeline (ctx) => …, nor a factory () => app`,
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
