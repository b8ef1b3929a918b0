import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';

import { HttpError } from './errors.ts';

type Decode = (body: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** Each works outside of the event loop, and stops where it is over its limit. */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
]);

/** Decompresses a body; rejects with a RangeError when it is more than `maxBytes`. */
export type Decompress = (body: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

/**
 * How the body of a request is to be decompressed; `undefined` when it is not compressed.
 *
 * @throws HttpError 415 for an encoding that is not known, and for several one over the other.
 */
export function decompressionOf(headers: Headers): Decompress | undefined {
  const name = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return undefined;
  const decode = DECODERS.get(name);
  if (decode) return (body, maxBytes) => decode(body, { maxOutputLength: maxBytes });
  throw new HttpError(
    415,
    `content-encoding '${name.slice(0, 100)}' is not supported: send the body plain, or as gzip, deflate, br or zstd`,
    { code: 'content_encoding_not_supported' },
  );
}
