/** How large the pieces are that a file is kept in, except for the last one: 256 KiB. */
export const CHUNK_BYTES: number = 256 * 1024;

/**
 * Pieces of any size as chunks of one size, of which the last may be smaller: one chunk, if it is an empty
 * one, at least. Each chunk is a buffer of its own.
 */
export async function* inChunks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
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
