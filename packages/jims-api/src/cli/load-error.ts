import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { describeError } from 'jims-core';

const TYPE_STRIPPING = new Set([
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
]);
/** How Node begins what it says about a syntax error: the file, and the line. */
const PLACE = /^(?:file:)?\/.*:\d+$/;

export interface LoadErrorContext {
  /** Whether tsx loads TypeScript, and not Node. */
  readonly tsx: boolean;
  /** The URL of the module that was loaded last. */
  readonly lastLoaded: string | undefined;
}

/** Why a module could not be loaded, where, and what helps. Node's own message comes first. */
export function explainLoadError(error: unknown, { tsx, lastLoaded }: LoadErrorContext): string {
  if (!Error.isError(error)) return messageOf(error);
  const place = error instanceof SyntaxError ? placeOf(error, lastLoaded) : undefined;
  const message = place === undefined ? messageOf(error) : `${messageOf(error)} (${place})`;
  const hint = tsx ? undefined : hintFor(error);
  return hint === undefined ? message : `${message}\n${hint}`;
}

export function messageOf(error: unknown): string {
  return describeError(error).message;
}

/** The error of a TypeScript file tells its place; of JavaScript only a Node that ends with it tells. */
function placeOf(error: SyntaxError, lastLoaded: string | undefined): string | undefined {
  const own = firstLine(error.stack ?? '');
  if (PLACE.test(own)) return own;
  if (!lastLoaded?.startsWith('file:') || !error.stack?.includes('compileSourceTextModule')) {
    return undefined;
  }
  const check = spawnSync(process.execPath, ['--check', fileURLToPath(lastLoaded)]);
  const found = firstLine(check.stderr.toString());
  return PLACE.test(found) ? found : undefined;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function hintFor(error: Error): string | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (TYPE_STRIPPING.has(code)) {
    return 'Node erases types and no more: enums, namespaces, decorators and JSX need tsx. It is used by itself once it is in your project: npm install -D tsx';
  }
  if (/outside a module/.test(error.message)) {
    return 'package.json says "type": "commonjs": say "type": "module" there, or name the file .mts';
  }
  if (/does not provide an export named/.test(error.message)) {
    return 'If that name is a type, write: import type';
  }
  return undefined;
}
