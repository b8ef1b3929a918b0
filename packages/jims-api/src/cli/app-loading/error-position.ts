import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { describeError, stackFrames } from 'jims-core/host';

import { importPosition } from './load-record.ts';
import type { Import } from './load-record.ts';
import type { ResolveHook } from './resolve-hook.ts';

/** How the stack of most syntax errors begins: with the file and the line. */
const HEADER = /^(?:file:\/\/)?(?:\/|[A-Za-z]:[\\/]).*:\d+$/;

/**
 * Compiles modules until one fails: Node says where a syntax error is only when the error ends the process.
 * Types are stripped first, or the first of them would be the error.
 */
const COMPILE = `
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { text } from 'node:stream/consumers';
import { SourceTextModule } from 'node:vm';
for (const file of JSON.parse(await text(process.stdin))) {
  const source = readFileSync(file, 'utf8');
  const code = /\\.m?ts$/.test(file) ? stripTypeScriptTypes(source) : source;
  new SourceTextModule(code, { identifier: file });
}
`;

/** The position of an error while the app was loaded, as `file:line`: in the user's own files if possible. */
export function errorPosition(error: Error, hook: ResolveHook): string | undefined {
  return (
    header(error) ??
    syntaxErrorPosition(error, hook) ??
    firstFrame(error, (path) => hook.aliases.isOfProject(path)) ??
    importOf(error, hook) ??
    firstFrame(error, (path) => hook.aliases.isOfPackage(path))
  );
}

function header(error: Error): string | undefined {
  const [first = ''] = stackOf(error).split('\n', 1);
  if (!HEADER.test(first)) return undefined;
  return first.startsWith('file:') ? asPath(first) : first;
}

function syntaxErrorPosition(error: Error, { record }: ResolveHook): string | undefined {
  if (!(error instanceof SyntaxError) || !stackOf(error).includes('compileSourceTextModule')) {
    return undefined;
  }
  const flags = ['--no-warnings', '--experimental-vm-modules', '--input-type=module'];
  const { stderr } = spawnSync(process.execPath, [...flags, '--eval', COMPILE], {
    input: JSON.stringify(record.modules),
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [first = ''] = stderr.split('\n', 1);
  return HEADER.test(first) ? first : undefined;
}

/** The innermost frame, of the error or of its causes, in a file that `isMeant` accepts. */
function firstFrame(error: Error, isMeant: (path: string) => boolean): string | undefined {
  const frame = stackFrames(stackOf(error)).find(({ file }) => isMeant(file));
  if (frame) return `${frame.file}:${frame.line}`;
  return Error.isError(error.cause) ? firstFrame(error.cause, isMeant) : undefined;
}

/** Read with care: an app may have put anything into it. */
function stackOf(error: Error): string {
  return describeError(error).stack ?? '';
}

/** The import in the user's own files that led to an error of Node. */
function importOf(error: Error, { aliases, record }: ResolveHook): string | undefined {
  let wanted: Import | undefined = record.failedImport(error);
  while (wanted?.importer !== undefined && !aliases.isOfProject(wanted.importer)) {
    wanted = record.importOf(pathToFileURL(wanted.importer).href);
  }
  return wanted && importPosition(wanted);
}

function asPath(position: string): string {
  if (!position.startsWith('file:')) return position;
  try {
    return fileURLToPath(position);
  } catch {
    return '';
  }
}
