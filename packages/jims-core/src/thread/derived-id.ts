import { createHash } from 'node:crypto';

/** As in `newId`: the tables of the original would take 32 digits with an `e` for a number. */
const NOT_IN_NUMBERS = /[a-df]/;

/**
 * Makes the id of something in a chain of runs, the same one whenever it is made: with the time of the
 * chain's own id, and a digest of `place` instead of random bits. A UUIDv7 by its layout.
 *
 * @example derivedId(chainId, 'main/4'); // '019a3c5e-8f1d-7c0b-a1d2-6e8f5b7a9c3d'
 */
export function derivedId(chainId: string, place: string): string {
  for (let round = 0; ; round++) {
    const digest = createHash('sha256').update(`${chainId}/${place}/${round}`).digest('hex');
    const variant = '89ab'.charAt(Number.parseInt(digest.charAt(3), 16) % 4);
    const time = chainId.slice(0, 13);
    const id = `${time}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
    if (NOT_IN_NUMBERS.test(id)) return id;
  }
}

/** The time of a UUIDv7, in milliseconds since 1970. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
}

/** A number from 0 up to 1, the same one whenever it is made. */
export function derivedNumber(chainId: string, place: string): number {
  const bytes = createHash('sha256').update(`${chainId}/${place}`).digest();
  return bytes.readUIntBE(0, 6) / 2 ** 48;
}
