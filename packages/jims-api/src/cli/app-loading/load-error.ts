import { readFileSync } from 'node:fs';

import { describeError } from 'jims-core/host';

import { errorPosition } from './error-position.ts';
import type { CodePosition } from './load-record.ts';
import type { ResolveHook } from './resolve-hook.ts';

const TSX = 'It is used by itself once it is in your project: npm install -D tsx';
/** How JavaScript's parser reports a decorator or an accessor of TypeScript. */
const UNKNOWN_SYNTAX = /^(?:Invalid or unexpected token|Unexpected (?:identifier|token|strict))/;
const MOST_ERRORS = 3;
const MOST_CAUSES = 4;
const NAMES_ITS_POSITION = /(?:^|[\s("'])((?:\/|[A-Za-z]:[\\/])\S+?):(\d+)(?::(\d+))?/;

interface AppLoadErrorOptions {
  readonly position?: CodePosition | undefined;
  readonly missing?: string | undefined;
  readonly cause?: unknown;
}

/** The app cannot be loaded; the message says why, in a line or two. */
export class AppLoadError extends Error {
  override readonly name = 'AppLoadError';
  /** Where the reason is, if that is known. */
  readonly position: CodePosition | undefined;
  /** The path of a file that an import names and that is not there. */
  readonly missing: string | undefined;

  constructor(message: string, { position, missing, cause }: AppLoadErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.position = position;
    this.missing = missing;
  }
}

interface LoadErrorText {
  readonly message: string;
  readonly position?: CodePosition | undefined;
}

interface LoadErrorContext {
  /** True when tsx loads TypeScript, and not Node. */
  readonly tsx: boolean;
  readonly hook: ResolveHook;
}

/**
 * Why a module could not be loaded: Node's own message and the position in one line, and what helps in a
 * second one.
 */
export function explainLoadError(error: unknown, context: LoadErrorContext): LoadErrorText {
  const message = thrownMessage(error);
  if (!Error.isError(error)) return { message };
  const named = NAMES_ITS_POSITION.exec(message);
  const position = named ? undefined : errorPosition(error, context.hook);
  const line = position === undefined ? message : `${message} (${textOf(position)})`;
  const hint = hintFor(error, { ...context, position: position && textOf(position) });
  return {
    message: hint === undefined ? line : `${line}\n${hint}`,
    position: named ? namedPosition(named) : position,
  };
}

function namedPosition([, file = '', line, column]: RegExpExecArray): CodePosition {
  return { file, line: Number(line), ...(column !== undefined && { column: Number(column) }) };
}

function textOf({ file, line }: CodePosition): string {
  return line === undefined ? file : `${file}:${line}`;
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
    const ending = /\.jsx?:\d+$/.test(position ?? '') ? '.mjs' : '.mts';
    return `package.json says "type": "commonjs": say "type": "module" there, or name the file ${ending}`;
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

/** True for a line of TypeScript with a decorator or an accessor. */
function hasTypeScriptSyntax(position: string | undefined): boolean {
  const [, file = '', line] = /^(.*\.[cm]?tsx?):(\d+)$/.exec(position ?? '') ?? [];
  if (!file) return false;
  const text = readFileSync(file, 'utf8').split('\n')[Number(line) - 1] ?? '';
  return /@\w|\baccessor\b/.test(text);
}

/** What went wrong, in one line, whatever was thrown. Never throws. */
function thrownMessage(thrown: unknown): string {
  return oneLine(messageOf(thrown, MOST_CAUSES));
}

function messageOf(thrown: unknown, depth: number): string {
  if (thrown === undefined || thrown === null) return `${thrown} was thrown`;
  const { name, message } = describeError(thrown);
  if (!Error.isError(thrown)) return wordsIn(thrown) ?? message;
  const reasons = depth > 0 ? reasonsOf(thrown).map((each) => messageOf(each, depth - 1)) : [];
  const own = message || (reasons.length > 0 ? '' : (name ?? 'Error'));
  const more = reasons.filter((reason) => !own.includes(reason)).join('; ');
  return [own, more].filter(Boolean).join(': ');
}

/** The errors that an error stands for, or its cause. */
function reasonsOf(error: Error): readonly unknown[] {
  const errors: unknown = error instanceof AggregateError ? error.errors : undefined;
  if (Array.isArray(errors)) return errors.slice(0, MOST_ERRORS);
  return Error.isError(error.cause) ? [error.cause] : [];
}

/** The message of an object that only looks like an error. */
function wordsIn(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) return undefined;
  return typeof thrown.message === 'string' && thrown.message ? thrown.message : undefined;
}

function oneLine(message: string): string {
  return message
    .replace(/\nRequire stack:[^]*$/, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}
