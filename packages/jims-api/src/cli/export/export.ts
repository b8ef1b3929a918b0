import { DEFAULT_STORE_URL, openStore } from 'jims-core';
import { describeError } from 'jims-core/host';

import type { ExportOptions } from '../options/export-options.ts';
import { feedbackLines, threadLines } from './export-lines.ts';

/** The lines cannot be written where standard output leads to. */
export class ExportError extends Error {
  override readonly name = 'ExportError';
}

/** Characters that are written at once. */
const CHUNK_CHARS = 64 * 1024;

/**
 * The command `jims-api export`: writes JSON lines to standard output, and what it has written to standard
 * error. It reads as fast as its reader takes the lines, and ends when the reader is gone.
 *
 * @throws JimsError as `openStore`; ExportError, such as for a disk that is full.
 */
export async function exportLines(options: ExportOptions): Promise<void> {
  const { store: url = DEFAULT_STORE_URL, schema, feedback } = options;
  await using store = await openStore(url, { schema, mustExist: true });
  const lines = feedback ? feedbackLines(store, options) : threadLines(store, options);
  const count = await writeAll(lines);
  const what = feedback ? 'ratings' : 'threads';
  if (count !== undefined) process.stderr.write(`${count} ${what} of ${store.description}\n`);
}

/** Resolves with the number of lines; with `undefined` when the reader has left before their end. */
async function writeAll(pieces: AsyncIterable<string>): Promise<number | undefined> {
  let count = 0;
  let chunk = '';
  try {
    for await (const piece of pieces) {
      chunk += piece;
      // JSON has no line break of its own.
      if (piece.endsWith('\n')) count++;
      if (chunk.length < CHUNK_CHARS) continue;
      await write(chunk);
      chunk = '';
    }
    await write(chunk);
    return count;
  } catch (error) {
    if (isBrokenPipe(error)) return undefined;
    throw error;
  }
}

function write(text: string): Promise<void> {
  const written = Promise.withResolvers<void>();
  process.stdout.write(text, (error) => (error ? written.reject(error) : written.resolve()));
  return written.promise.catch((cause: unknown) => {
    if (isBrokenPipe(cause)) throw cause;
    const reason = describeError(cause).message;
    throw new ExportError(`The export cannot be written, and is not complete: ${reason}`, {
      cause,
    });
  });
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}
