import { open } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';

import { stackFrames } from '../errors/stack-frames.ts';
import type { StackFrame } from '../errors/stack-frames.ts';
import { cutText } from '../text/clean-text.ts';
import type { SourcePosition } from './trace.ts';

/** The lines before and after the one that is meant. */
const AROUND = 3;
const MAX_LINE = 300;
/** A larger file is left out: nobody wrote it by hand. */
const MAX_FILE = 1024 * 1024;

/** This package, and those that stand beside it in its own repository. */
const OWN = `${dirname(dirname(dirname(import.meta.dirname)))}${sep}jims-`;

/**
 * Where in the app's own code an error came from, by the stacks of the error and of its causes: the
 * innermost frame that is in no package. `undefined` when there is none. Never rejects.
 */
export async function sourcePosition(
  stacks: readonly string[],
): Promise<SourcePosition | undefined> {
  const frame = stacks.flatMap((stack) => stackFrames(stack).filter(isOfApp)).at(0);
  if (!frame) return undefined;
  return { ...frame, file: shortPath(frame.file), excerpt: await excerptOf(frame) };
}

function isOfApp({ file }: StackFrame): boolean {
  return !file.includes(`${sep}node_modules${sep}`) && !isOfJims(file);
}

/** In an installation JIMS is in `node_modules`; the tests of its own repository are apps. */
function isOfJims(file: string): boolean {
  return file.startsWith(OWN) && /[\\/](?:src|dist)[\\/]/.test(file.slice(OWN.length));
}

function shortPath(file: string): string {
  const short = relative(process.cwd(), file);
  return short.startsWith('..') ? file : short;
}

async function excerptOf({ file, line }: StackFrame): Promise<SourcePosition['excerpt']> {
  const lines = (await textOf(file)).split('\n');
  const first = Math.max(1, line - AROUND);
  return lines
    .slice(first - 1, line + AROUND)
    .map((text, index) => ({ line: first + index, text: cutText(text, MAX_LINE) }));
}

async function textOf(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    return size > MAX_FILE ? '' : await file.readFile('utf8');
  } catch {
    return '';
  }
}
