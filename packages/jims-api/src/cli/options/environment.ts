import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

import { describeError } from 'jims-core/host';

import { distance } from './given-options.ts';
import { variableOf, variablesOf } from './option-table.ts';
import type { Environment, OptionTable } from './option-table.ts';

/** The command cannot start in its folder; the message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The name of an option before its value, also as other shells and formats write it. */
const NAME = /^[^#=]*?\b(JIMS_\w+)/i;
const LINE_BREAK = /\r\n|\n|\r/;
/** A value that begins with a quote. */
const QUOTED = /^\s*(?:export\s+)?(?<name>[^#=\s]+)\s*=\s*(?<quote>["'`])(?<rest>.*)$/;
const NOTHING = /^\s*(?:#.*)?$/;

/**
 * The environment with what a file `.env` in the folder adds; it never replaces a variable that is set.
 *
 * @throws StartError when the file is there but cannot be understood: a key in it would be ignored, and
 * leave the service open.
 */
export function readDotEnv(folder: string, env: Environment): Environment {
  const file = join(folder, '.env');
  const bytes = bytesOf(file);
  if (!bytes) return env;
  const text = textOf(bytes, file);
  requireClosedQuotes(text.split(LINE_BREAK), file);
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

/**
 * The parser takes a quote that nothing closes as part of the value; one that the quote of another line closes
 * takes all lines between them away.
 */
function requireClosedQuotes(lines: readonly string[], file: string): void {
  for (let at = 0; at < lines.length; at++) {
    const { name, quote, rest } = QUOTED.exec(lines[at] ?? '')?.groups ?? {};
    if (quote === undefined || rest === undefined || rest.includes(quote)) continue;
    const end = lines.findIndex((line, index) => index > at && line.includes(quote));
    const last = lines[end] ?? quote;
    if (end < 0 || !NOTHING.test(last.slice(last.indexOf(quote) + 1))) {
      throw new StartError(
        `${file}:${at + 1} opens a quote that is not closed: the value of ${name} must end with ${quote}`,
      );
    }
    at = end;
  }
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

/** PowerShell writes UTF-16, and editors on Windows write a byte order mark first. */
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
    // The encoding is unknown, as it is when the text has a NUL.
  }
  throw new StartError(`${file} cannot be read: save it as UTF-8`);
}

/** How Kubernetes, and the links of Docker, write the address of a service. */
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//i;

/**
 * The environment without the variables that somebody else meant: for a service named `jims`, Kubernetes
 * sets `JIMS_PORT` to an address. Warns about these, and about names that are nearly those of an option: a
 * misspelt key would leave the service open.
 */
export function ownVariables(
  table: OptionTable,
  env: Environment,
): { readonly env: Environment; readonly warnings: readonly string[] } {
  const foreign = Object.entries(table)
    .filter(([, { type }]) => type === 'integer')
    .map(([name]) => ({ name, variable: variableOf(name) }))
    .filter(({ variable }) => SERVICE_ADDRESS.test(env[variable]?.trim() ?? ''));
  const warnings = foreign.map(
    ({ name, variable }) =>
      `${variable}=${env[variable]} is ignored: Kubernetes sets it for a service of that name. Set enableServiceLinks: false in the pod's spec, or give --${name}`,
  );
  const names = new Set(foreign.map(({ variable }) => variable));
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
  return { env: own, warnings: [...warnings, ...misspelt(table, own)] };
}

function misspelt(table: OptionTable, env: Environment): readonly string[] {
  const known = Object.entries(table).flatMap(([name, spec]) => variablesOf(name, spec));
  return Object.entries(env)
    .filter(([name, value]) => value && /^JIMS[-_.]/i.test(name) && !known.includes(name))
    .flatMap(([name]) => {
      const near = known.find(
        (each) => distance(each, name.toUpperCase().replaceAll(/[-.]/g, '_')) <= 2,
      );
      return near === undefined ? [] : [`${name} is not an option: did you mean ${near}?`];
    });
}
