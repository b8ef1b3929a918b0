import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';

import { HttpError } from './errors.ts';

type Decode = (body: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const withHeader: Decode = promisify(inflate);
const withoutHeader: Decode = promisify(inflateRaw);

/** Each works outside of the event loop, and stops where it is over its limit. */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  // Some clients leave the header of zlib out, .NET's among them.
  ['deflate', (body, options) => (hasZlibHeader(body) ? withHeader : withoutHeader)(body, options)],
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
  const name = encodingOf(headers);
  if (name === '') return undefined;
  const decode = DECODERS.get(name);
  if (decode) return (body, maxBytes) => decode(body, { maxOutputLength: maxBytes });
  throw new HttpError(
    415,
    `content-encoding '${name.slice(0, 100)}' is not supported: send the body plain, or as gzip, deflate, br or zstd`,
    { code: 'content_encoding_not_supported' },
  );
}

/** How a body says that it is compressed: a name, several with commas between, or empty when it is plain. */
export function encodingOf(headers: Headers): string {
  const names = (headers.get('content-encoding') ?? '').split(',');
  return names
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
    .join(', ');
}

/** By RFC 1950: the method is deflate, and the first two bytes are a multiple of 31. */
function hasZlibHeader([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}
