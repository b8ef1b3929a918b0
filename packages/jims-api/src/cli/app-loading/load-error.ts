import { readFileSync } from 'node:fs';

import { errorPosition } from './error-position.ts';
import type { ResolveHook } from './resolve-hook.ts';
import { thrownMessage } from './thrown-message.ts';

const TSX = 'It is used by itself once it is in your project: npm install -D tsx';
/** What JavaScript's parser says where TypeScript has a decorator, or an accessor. */
const UNKNOWN_SYNTAX = /^(?:Invalid or unexpected token|Unexpected (?:identifier|token|strict))/;
const NAMES_ITS_POSITION = /(?:^|[\s("'])(?:\/|[A-Za-z]:[\\/])\S+:\d+/;

export interface LoadErrorContext {
  /** Whether tsx loads TypeScript, and not Node. */
  readonly tsx: boolean;
  readonly hook: ResolveHook;
}

/**
 * Why a module could not be loaded, in one line that ends with the position; a second one says what
 * helps. Node's own message comes first.
 */
export function explainLoadError(error: unknown, context: LoadErrorContext): string {
  const message = thrownMessage(error);
  if (!Error.isError(error)) return message;
  const position = NAMES_ITS_POSITION.test(message)
    ? undefined
    : errorPosition(error, context.hook);
  const line = position === undefined ? message : `${message} (${position})`;
  const hint = hintFor(error, { ...context, position });
  return hint === undefined ? line : `${line}\n${hint}`;
}

function hintFor(
  error: Error,
  { tsx, hook, position }: LoadErrorContext & { readonly position: string | undefined },
): string | undefined {
  switch ('code' in error ? error.code : undefined) {
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return tsx
        ? undefined
        : `Node erases types and no more: enums, namespaces, parameter properties and decorators need tsx. ${TSX}`;
    case 'ERR_UNKNOWN_FILE_EXTENSION':
      return tsx || !/"\.[jt]sx"/.test(error.message)
        ? undefined
        : `Node does not load JSX: .tsx and .jsx need tsx. ${TSX}`;
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return `Node loads no TypeScript from node_modules: compile that package, or let tsx load it. ${TSX}`;
    case 'ERR_IMPORT_ATTRIBUTE_MISSING':
      return "Write: import data from './data.json' with { type: 'json' }";
    case 'ERR_MODULE_NOT_FOUND':
    case 'MODULE_NOT_FOUND':
      return missingHint(error, hook);
    default:
      return hintByMessage(error, tsx ? undefined : position);
  }
}

function missingHint(error: Error, { aliases, record }: ResolveHook): string | undefined {
  const { specifier, importer } = record.failedImport(error) ?? {};
  if (specifier === undefined || importer === undefined) return undefined;
  return aliases.explain(specifier, importer);
}

function hintByMessage({ message, name }: Error, position: string | undefined): string | undefined {
  if (/outside a module/.test(message)) {
    return 'package.json says "type": "commonjs": say "type": "module" there, or name the file .mts';
  }
  if (/does not provide an export named/.test(message)) {
    return 'If that name is a type, write: import type';
  }
  if (message.endsWith('before initialization')) {
    return 'Often two modules import each other: move what both need into a third one';
  }
  if (name === 'SyntaxError' && UNKNOWN_SYNTAX.test(message) && hasTypeScriptSyntax(position)) {
    return `Node erases types and no more: decorators and accessors need tsx. ${TSX}`;
  }
  return undefined;
}

/** True for a line of TypeScript with a decorator or an accessor, which the parser stumbles over. */
function hasTypeScriptSyntax(position: string | undefined): boolean {
  const [, file = '', line] = /^(.*\.[cm]?tsx?):(\d+)$/.exec(position ?? '') ?? [];
  if (!file) return false;
  const text = readFileSync(file, 'utf8').split('\n')[Number(line) - 1] ?? '';
  return /@\w|\baccessor\b/.test(text);
}
