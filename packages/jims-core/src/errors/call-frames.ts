import { dirname, sep } from 'node:path';

import { stackFrames } from './stack-frames.ts';

/** Bundlers leave it out: in a bundle, which is of the app and of JIMS, nothing is known to be of JIMS. */
const FOLDER: string | undefined = import.meta.dirname;
/** This package, and those that stand beside it in its own repository. */
const OWN = FOLDER === undefined ? undefined : `${dirname(dirname(dirname(FOLDER)))}${sep}jims-`;

/** Where a call was made, or is awaited. */
export interface Caller {
  readonly stack?: string;
}

/** Below the app there are more frames of JIMS than the ten that a stack has by default. */
const DEPTH = 16;

/** The stack of now. It becomes text only when it is read. */
export function callerOfNow(): Caller {
  const caller: Caller = {};
  const { stackTraceLimit } = Error;
  // No assignment: where the globals are frozen that throws.
  Reflect.set(Error, 'stackTraceLimit', Math.max(DEPTH, stackTraceLimit));
  Error.captureStackTrace(caller, callerOfNow);
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return caller;
}

/** What a failing promise gives, with the lines of the app that wait for it. */
export async function withCallFrames<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    addCallFrames(error, callerOfNow());
    throw error;
  }
}

/**
 * Whether a file is the app's own: in no package, and not of JIMS.
 *
 * @param file An absolute path, as `stackFrames` gives it.
 * @example const own = stackFrames(stack).filter(({ file }) => isOfApp(file));
 */
export function isOfApp(file: string): boolean {
  return !file.includes(`${sep}node_modules${sep}`) && !isOfJims(file);
}

/**
 * Adds the lines of the app that led to an error: its own stack ends where the work was begun for the
 * app, not by it.
 */
export function addCallFrames(error: unknown, { stack: from = '' }: Caller): void {
  if (!Error.isError(error)) return;
  try {
    const { stack = String(error) } = error;
    const known = new Set(stack.split('\n'));
    const more = from.split('\n').filter((line) => !known.has(line) && isLineOfApp(line));
    if (more.length > 0) error.stack = [stack, ...more].join('\n');
  } catch {
    // It is frozen, or a proxy: then it stays as it is.
  }
}

function isLineOfApp(line: string): boolean {
  return stackFrames(line).some(({ file }) => isOfApp(file));
}

/** In an installation JIMS is in `node_modules`; the tests of its own repository are apps. */
function isOfJims(file: string): boolean {
  if (OWN === undefined || !file.startsWith(OWN)) return false;
  return /[\\/](?:src|dist)[\\/]/.test(file.slice(OWN.length));
}
