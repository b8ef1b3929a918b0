import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describeError, filesUnavailable, isJimsError } from '../../errors/jims-error.ts';
import type { JimsError } from '../../errors/jims-error.ts';
import { fileGone } from '../refusals.ts';
import type { FileRange, FileStore } from '../store.ts';

const ONLY_OWNER = { file: 0o600, folder: 0o700 };
const READ_BYTES = 64 * 1024;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Keeps files in a folder, in sub-folders by the end of their ids. */
export class DirectoryFileStore implements FileStore {
  readonly description: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.description = `folder ${folder}`;
    this.#folder = folder;
  }

  async write(fileId: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const { path, half } = this.#pathsOf(fileId);
    try {
      const handle = await this.#openNew(half);
      try {
        for await (const piece of pieces) await this.#onDisk(handle.writeFile(piece));
        await this.#onDisk(handle.sync());
      } finally {
        await handle.close();
      }
      await this.#onDisk(rename(half, path));
      await this.#onDisk(syncFolder(dirname(path)));
    } catch (error) {
      await removeAll([half, path]).catch(() => {});
      throw error;
    }
  }

  async *read(fileId: string, { start, end }: FileRange): AsyncGenerator<Uint8Array, void, void> {
    const handle = await this.#openThere(fileId);
    try {
      for (let position = start; position < end;) {
        const buffer = new Uint8Array(Math.min(READ_BYTES, end - position));
        const { bytesRead } = await this.#onDisk(handle.read(buffer, 0, buffer.length, position));
        if (bytesRead === 0) throw fileGone(fileId);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  async remove(fileIds: readonly string[]): Promise<void> {
    const paths = fileIds.filter((id) => UUID.test(id)).map((id) => this.#pathsOf(id));
    await this.#onDisk(removeAll(paths.flatMap(({ path, half }) => [path, half])));
  }

  async check(): Promise<void> {
    const trial = join(this.#folder, `${randomUUID()}.half`);
    try {
      await mkdir(this.#folder, { recursive: true, mode: ONLY_OWNER.folder });
      const handle = await open(trial, 'wx', ONLY_OWNER.file);
      await handle.close();
      await rm(trial);
    } catch (error) {
      const reason = `Cannot keep files in '${this.#folder}': ${describeError(error).message}. This user must be able to write there`;
      throw filesUnavailable(reason, error);
    }
  }

  async close(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #openNew(half: string): Promise<FileHandle> {
    const folder = dirname(half);
    await this.#onDisk(mkdir(folder, { recursive: true, mode: ONLY_OWNER.folder }));
    await this.#onDisk(syncFolder(this.#folder));
    return this.#onDisk(open(half, 'w', ONLY_OWNER.file));
  }

  async #openThere(fileId: string): Promise<FileHandle> {
    if (!UUID.test(fileId)) throw fileGone(fileId);
    try {
      return await open(this.#pathsOf(fileId).path, 'r');
    } catch (error) {
      if (isMissing(error)) throw fileGone(fileId);
      throw this.#unavailable(error);
    }
  }

  async #onDisk<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw isJimsError(error) ? error : this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): JimsError {
    const reason = `Files in '${this.#folder}': ${describeError(error).message}`;
    return filesUnavailable(reason, error);
  }

  /** Where a file is, and where it is while it is written. */
  #pathsOf(fileId: string): { readonly path: string; readonly half: string } {
    // An id of another form could lead out of the folder.
    if (!UUID.test(fileId)) throw new TypeError(`'${fileId}' is not the id of a file`);
    const path = join(this.#folder, fileId.slice(-2), fileId);
    return { path, half: `${path}.half` };
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
}

/** Makes the names in a folder durable; not every system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (!handle) return;
  try {
    await handle.sync().catch(() => {});
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
