import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { HttpError } from './errors.ts';

type Decode = (body: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const withHeader: Decode = promisify(zlib.inflate);
const withoutHeader: Decode = promisify(zlib.inflateRaw);

/** Each works outside of the event loop, and stops at its limit. */
const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(zlib.gunzip)],
  ['x-gzip', promisify(zlib.gunzip)],
  // Some clients leave out the header of zlib, such as .NET's.
  ['deflate', (body, options) => (hasZlibHeader(body) ? withHeader : withoutHeader)(body, options)],
  ['br', promisify(zlib.brotliDecompress)],
  // Not when this file loads: under an older Node, which has none, the error would be the loader's.
  ['zstd', (body, options) => promisify(zlib.zstdDecompress)(body, options)],
]);

/** Decompresses a body; rejects with a RangeError when it is more than `maxBytes`. */
export type Decompress = (body: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

/**
 * How to decompress the body of a request; `undefined` when it is not compressed.
 *
 * @throws HttpError 415 for an unknown encoding, and for several encodings on top of each other.
 */
export function decompressionOf(headers: Headers): Decompress | undefined {
  const name = encodingOf(headers);
  if (name === '') return undefined;
  const decode = DECODERS.get(name);
  if (decode) return (body, maxBytes) => decode(body, { maxOutputLength: maxBytes });
  const reason = `content-encoding '${name.slice(0, 100)}' is not supported: send the body plain, or as gzip, deflate, br or zstd`;
  throw new HttpError(415, reason, { code: 'content_encoding_not_supported' });
}

/** The encoding that the headers name: several with commas between, or empty when the body is plain. */
export function encodingOf(headers: Headers): string {
  const names = (headers.get('content-encoding') ?? '').split(',');
  return names
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
    .join(', ');
}

/** A 400: a body is not what its `content-encoding` says. */
export function notCompressed(encoding: string, cause: unknown): HttpError {
  const reason = `The body is not ${encoding}, as its content-encoding says, or what is in it is not UTF-8`;
  return new HttpError(400, reason, { code: 'content_encoding_invalid', cause });
}

/** By RFC 1950: the method is deflate, and the first two bytes are a multiple of 31. */
function hasZlibHeader([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}
