import { fileGone } from '../refusals.ts';
import type { FileRange, FileStore } from '../store.ts';

/** Keeps files in memory, for a store that is in memory, too. */
export class MemoryFileStore implements FileStore {
  readonly description = 'memory';
  readonly #files = new Map<string, Uint8Array>();

  async write(fileId: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const read: Uint8Array[] = [];
    // A copy: the caller may use the memory of a piece again.
    for await (const piece of pieces) read.push(piece.slice());
    this.#files.set(fileId, Buffer.concat(read));
  }

  async *read(fileId: string, { start, end }: FileRange): AsyncGenerator<Uint8Array, void, void> {
    const file = this.#files.get(fileId);
    if (!file || end > file.length) throw fileGone(fileId);
    if (start < end) yield file.slice(start, end);
  }

  async remove(fileIds: readonly string[]): Promise<void> {
    for (const fileId of fileIds) this.#files.delete(fileId);
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {
    this.#files.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
