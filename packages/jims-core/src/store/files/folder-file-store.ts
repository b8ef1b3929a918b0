import { constants, createReadStream } from 'node:fs';
import { access, mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { JimsError, describeError } from '../../errors/jims-error.ts';
import type { FileRange, FileStore } from '../file-store.ts';

/** Read and written at once. */
const PIECE_BYTES = 64 * 1024;

/** Files in a folder: each under its id, in a folder by the end of its id. */
export class FolderFileStore implements FileStore {
  readonly description: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.description = `the folder ${folder}`;
  }

  async write(fileId: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#path(fileId);
    const half = halfOf(path);
    await this.#reach('write', () => mkdir(dirname(path), { recursive: true }));
    const file = await this.#reach('write', () => open(half, 'w', 0o600));
    try {
      for await (const piece of pieces) await this.#reach('write', () => writeAll(file, piece));
      await this.#reach('write', () => file.sync());
      await file.close();
      await this.#reach('write', () => rename(half, path));
      await this.#reach('write', () => syncFolder(dirname(path)));
    } catch (error) {
      await file.close().catch(() => {});
      await rm(half, { force: true }).catch(() => {});
      throw error;
    }
  }

  async *read(fileId: string, { start, end }: FileRange): AsyncGenerator<Uint8Array, void, void> {
    if (start >= end) return;
    const options = { start, end: end - 1, highWaterMark: PIECE_BYTES };
    const stream = createReadStream(this.#path(fileId), options);
    try {
      for await (const piece of stream) {
        if (piece instanceof Uint8Array) yield piece;
      }
    } catch (error) {
      throw isMissing(error) ? fileGone(fileId, error) : this.#unavailable('read', error);
    } finally {
      stream.destroy();
    }
  }

  async remove(fileIds: readonly string[]): Promise<void> {
    for (const fileId of fileIds) {
      const path = this.#path(fileId);
      await this.#reach('remove', () => rm(halfOf(path), { force: true }));
      await this.#reach('remove', () => rm(path, { force: true }));
    }
  }

  async check(): Promise<void> {
    await this.#reach('write', async () => {
      await mkdir(this.#folder, { recursive: true });
      await access(this.#folder, constants.W_OK | constants.X_OK);
    });
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ids that were made at about the same time have the same beginning. */
  #path(fileId: string): string {
    return join(this.#folder, fileId.slice(-2), fileId);
  }

  async #reach<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#unavailable(what, error);
    }
  }

  #unavailable(what: string, cause: unknown): JimsError {
    const { message } = describeError(cause);
    return new JimsError(
      'store_unavailable',
      `Cannot ${what} files in ${this.description}: ${message}`,
      {
        cause,
      },
    );
  }
}

/** A file that is known, and whose bytes are not there. */
export function fileGone(fileId: string, cause: unknown): JimsError {
  const message = `The bytes of the file '${fileId}' are not there any more`;
  return new JimsError('file_gone', message, { cause });
}

function halfOf(path: string): string {
  return `${path}.half`;
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.byteLength;) {
    done += (await file.write(piece, done)).bytesWritten;
  }
}

/** The name of a new file is only there for good when its folder was written, too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
