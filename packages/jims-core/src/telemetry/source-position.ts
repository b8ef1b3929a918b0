import { open } from 'node:fs/promises';
import { relative } from 'node:path';

import { isOfApp } from '../errors/call-frames.ts';
import { stackFrames } from '../errors/stack-frames.ts';
import type { StackFrame } from '../errors/stack-frames.ts';
import { cutText } from '../text/clean-text.ts';
import type { SourcePosition } from './trace.ts';

/** The lines before and after the one that is meant. */
const AROUND = 3;
const MAX_LINE = 300;
/** A larger file is left out: nobody wrote it by hand. */
const MAX_FILE = 1024 * 1024;

/**
 * Where in the app's own code an error came from, by the stacks of the error and of its causes: the
 * innermost frame that is in no package. `undefined` when there is none. Never rejects.
 */
export async function sourcePosition(
  stacks: readonly string[],
): Promise<SourcePosition | undefined> {
  const frame = stacks
    .flatMap((stack) => stackFrames(stack).filter(({ file }) => isOfApp(file)))
    .at(0);
  if (!frame) return undefined;
  return { ...frame, file: shortPath(frame.file), excerpt: await excerptOf(frame) };
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
