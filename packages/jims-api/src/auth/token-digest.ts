import { hash } from 'node:crypto';

/** SHA-256 of a key or token in UTF-8: compared, remembered and logged in its place. */
export function tokenDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** Enough of a digest to tell keys apart in a log, too little to find the key by. */
export function shortDigest(digest: Buffer): string {
  return digest.toString('hex', 0, 4);
}
