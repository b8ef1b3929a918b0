import { createHmac, timingSafeEqual } from 'node:crypto';

const HOUR_MS = 3_600_000;
/** A page that keeps an address shows its file for a day. */
const HOURS = 24;
/** A shorter key could be guessed from one address. */
const MIN_KEY = 32;

/**
 * Signatures in the addresses of files: a client that has such an address gets that file and nothing else,
 * without a key, for 24 to 25 hours. All processes of a service must have the same keys.
 */
export class FileSignatures {
  readonly #keys: readonly string[];

  /**
   * @param keys The first one signs; the others are still accepted.
   * @throws TypeError for a key that is too short.
   */
  constructor(keys: readonly string[]) {
    const number = keys.findIndex((key) => key.length < MIN_KEY) + 1;
    if (number > 0) {
      throw new TypeError(
        `File address key number ${number} is too short: it needs at least ${MIN_KEY} characters`,
      );
    }
    this.#keys = keys;
  }

  /** The query of an address, and until when it counts; `undefined` without keys. */
  sign(
    fileId: string,
    now: number = Date.now(),
  ): { readonly query: string; readonly until: Date } | undefined {
    const [key] = this.#keys;
    if (key === undefined) return undefined;
    // The same for an hour, so that browsers know the file again.
    const until = (Math.floor(now / HOUR_MS) + HOURS + 1) * HOUR_MS;
    const signature = signatureOf(key, fileId, until).toString('base64url');
    return { query: `until=${until / 1000}&signature=${signature}`, until: new Date(until) };
  }

  /** Whether an address with this query may be read without a key now. */
  admits(fileId: string, query: URLSearchParams, now: number = Date.now()): boolean {
    const until = Number(query.get('until')) * 1000;
    const given = Buffer.from(query.get('signature') ?? '', 'base64url');
    if (!(until > now)) return false;
    return this.#keys.some((key) => isEqual(signatureOf(key, fileId, until), given));
  }

  /**
   * A seal on something that comes back from a client; `isSeal` knows it in every process with the same
   * keys. Without keys it only shows that nothing changed by mistake.
   */
  seal(text: string): string {
    return sealOf(this.#keys[0], text);
  }

  isSeal(seal: string, text: string): boolean {
    const keys = this.#keys.length > 0 ? this.#keys : [undefined];
    return keys.some((key) => isEqual(Buffer.from(sealOf(key, text)), Buffer.from(seal)));
  }
}

function sealOf(key: string | undefined, text: string): string {
  return createHmac('sha256', key ?? '')
    .update(`seal ${text}`)
    .digest('base64url');
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

function signatureOf(key: string, fileId: string, until: number): Buffer {
  return createHmac('sha256', key).update(`GET file ${fileId} until ${until}`).digest();
}
