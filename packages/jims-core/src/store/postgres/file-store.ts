import type { FileRange, FileStore } from '../file-store.ts';
import { fileGone } from '../refusals.ts';
import type { Database } from './database.ts';
import { uuidOrNull } from './parameters.ts';

/** How many chunks one statement removes, 16 MiB. */
const REMOVE_CHUNKS = 64;

/**
 * Files in a table, chunk by chunk. Each chunk is a statement of its own: while a sender or a reader is
 * slow, no connection waits for them, and there is one chunk in memory.
 */
export function chunkedFileStore(db: Database, description: string): FileStore {
  async function remove(fileIds: readonly string[]): Promise<void> {
    const ids = fileIds.filter((id) => uuidOrNull(id) !== null);
    for (;;) {
      const removed = await db.query(
        `delete from jims.file_chunks where (file_id, n) in (
           select file_id, n from jims.file_chunks where file_id = any ($1::uuid[]) limit $2)
         returning 1 as one`,
        [ids, REMOVE_CHUNKS],
      );
      if (removed.length < REMOVE_CHUNKS) return;
    }
  }

  return {
    description,
    remove,
    read: (fileId, range) => readChunks(db, fileId, range),

    async write(fileId, pieces) {
      try {
        let n = 0;
        for await (const chunk of inChunks(pieces)) {
          await db.query(
            `insert into jims.file_chunks (file_id, n, bytes) values ($1, $2, $3)
             on conflict (file_id, n) do update set bytes = excluded.bytes`,
            [fileId, n, chunk],
          );
          n++;
        }
      } catch (error) {
        // Where the database does not answer, the record leads to them later.
        await remove([fileId]).catch(() => {});
        throw error;
      }
    },

    // A server that only reads refuses this; any other one writes nothing by it.
    check: async () => void (await db.query('delete from jims.file_chunks where false')),
    // The connections are those of the store.
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function* readChunks(
  db: Database,
  fileId: string,
  { start, end }: FileRange,
): AsyncGenerator<Uint8Array> {
  for (let at = start; ;) {
    const n = Math.floor(at / CHUNK_BYTES);
    const first = n * CHUNK_BYTES;
    const [row] = await db.query<{ bytes: Buffer }>(
      `select substring(bytes from $3 for $4) as bytes from jims.file_chunks
       where file_id = $1 and n = $2`,
      [uuidOrNull(fileId), n, at - first + 1, Math.max(0, Math.min(end - at, CHUNK_BYTES))],
    );
    const isThere = row && (row.bytes.length > 0 || at >= end);
    if (!isThere) throw fileGone(fileId);
    if (at >= end) return;
    yield row.bytes;
    at += row.bytes.length;
    if (at >= end) return;
  }
}

/** How large the pieces are that a file is kept in, except for the last one: 256 KiB. */
const CHUNK_BYTES: number = 256 * 1024;

/**
 * Pieces of any size as chunks of one size, of which the last may be smaller: one chunk, if it is an empty
 * one, at least. Each chunk is a buffer of its own.
 */
async function* inChunks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length;) {
      if (filled === CHUNK_BYTES) {
        yield chunk;
        chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        filled = 0;
      }
      const part = piece.subarray(from, from + CHUNK_BYTES - filled);
      chunk.set(part, filled);
      filled += part.length;
      from += part.length;
    }
  }
  yield chunk.subarray(0, filled);
}
