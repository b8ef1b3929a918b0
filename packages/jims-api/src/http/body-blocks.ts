/** As many pieces, or bytes, are put together. */
const MOST_PIECES = 256;
const MOST_BYTES = 64 * 1024;

/**
 * A body in blocks. A client decides how small the pieces of its body are, and each of them takes far more
 * memory than its bytes.
 */
export async function* inBlocks(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.byteLength;
    if (pieces.length < MOST_PIECES && size < MOST_BYTES) continue;
    yield joined(pieces);
    pieces = [];
    size = 0;
  }
  if (pieces.length > 0) yield joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  return first && pieces.length === 1 ? first : Buffer.concat(pieces);
}
