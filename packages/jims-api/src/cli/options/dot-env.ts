import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import { describeError } from 'jims-core/host';

import type { Environment } from './option-table.ts';

/** The command cannot start where it is; the message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The name of an option in front of the value, also as other shells and formats write it. */
const NAME = /^[^#=]*?\b(JIMS_\w+)/i;
const LINE_BREAK = /\r\n|\n|\r/;

/**
 * The environment with what a file `.env` in the folder adds; it never replaces what is set.
 *
 * @throws StartError when there is a file that cannot be understood: a key in it would not be
 * heeded, and leave the service open.
 */
export function readDotEnv(folder: string, env: Environment): Environment {
  const file = join(folder, '.env');
  const bytes = bytesOf(file);
  if (!bytes) return env;
  const text = textOf(bytes, file);
  const added = parseEnv(text);
  const long = Object.values(added).filter((value) => value?.includes('\n'));
  for (const [index, line] of text.split(LINE_BREAK).entries()) {
    const name = NAME.exec(line)?.[1];
    if (name === undefined || name in added || long.some((each) => each?.includes(line))) continue;
    throw new StartError(
      `${file}:${index + 1} sets no variable: it must begin with ${name.toUpperCase()}=`,
    );
  }
  return { ...added, ...env };
}

function bytesOf(file: string): Buffer | undefined {
  try {
    if (!lstatSync(file, { throwIfNoEntry: false })) return undefined;
    return readFileSync(file);
  } catch (cause) {
    throw new StartError(`${file} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EISDIR':
      return 'it is a folder. Docker makes one where the file of a bind mount is missing: remove it';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it: change its owner or its mode';
    case 'ENOENT':
      return 'it is a link to a file that is not there';
    default:
      return describeError(error).message;
  }
}

/** PowerShell writes UTF-16, and editors on Windows put a byte order mark in front. */
function textOf(bytes: Buffer, file: string): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe
      ? 'utf-16le'
      : first === 0xfe && second === 0xff
        ? 'utf-16be'
        : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // As one with a NUL in it: an encoding that cannot be known.
  }
  throw new StartError(`${file} cannot be read: save it as UTF-8`);
}
