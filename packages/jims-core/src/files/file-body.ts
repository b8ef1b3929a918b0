import { createHash } from 'node:crypto';

import { JimsError, isJimsError } from '../errors/jims-error.ts';
import { HEAD_BYTES, typeOfHead } from './media-type.ts';
import type { ReadFile } from './media-type.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** How large its sender says it is. */
  readonly size: number | undefined;
}

/** The bytes of a file on their way to its store: counted, digested, and looked at. */
export class FileBody {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #limits: BodyLimits;
  readonly #head: Uint8Array[] = [];
  readonly #hash = createHash('sha256');
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #found: string | undefined;
  #isText = true;
  #size = 0;

  private constructor(content: AsyncIterable<Uint8Array>, limits: BodyLimits) {
    this.#pieces = content[Symbol.asyncIterator]();
    this.#limits = limits;
  }

  /**
   * Reads the first bytes, which tell the type.
   *
   * @throws JimsError `file_too_large`, `file_incomplete`
   */
  static async begin(content: AsyncIterable<Uint8Array>, limits: BodyLimits): Promise<FileBody> {
    const { maxBytes, size } = limits;
    if (size !== undefined && size > maxBytes) throw tooLarge(maxBytes);
    const file = new FileBody(content, limits);
    try {
      await file.#readHead();
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** The type of its first bytes. */
  get found(): string | undefined {
    return this.#found;
  }

  /** What is known of it, when all its pieces were read. */
  get result(): Pick<ReadFile, 'found' | 'isText'> & { size: number; digest: string } {
    const digest = this.#hash.copy().digest('hex');
    return { found: this.#found, isText: this.#isText, size: this.#size, digest };
  }

  /**
   * All of its bytes, once.
   *
   * @throws JimsError `file_too_large`; `file_incomplete` when it breaks off.
   */
  async *pieces(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#head;
      this.#head.length = 0;
      for (let piece = await this.#next(); piece; piece = await this.#next()) yield piece;
      this.#end();
    } finally {
      await this.close();
    }
  }

  /** Lets go of what has not been read. */
  async close(): Promise<void> {
    this.#head.length = 0;
    // What goes wrong now does not change what becomes of the file.
    await this.#pieces.return?.().catch(() => {});
  }

  async #readHead(): Promise<void> {
    while (this.#size < HEAD_BYTES) {
      const piece = await this.#next();
      if (!piece) break;
      this.#head.push(piece);
    }
    this.#found = await typeOfHead(Buffer.concat(this.#head).subarray(0, HEAD_BYTES));
  }

  async #next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#pieces.next().catch(brokenOff);
    if (done === true) return undefined;
    this.#size += value.byteLength;
    if (this.#size > this.#limits.maxBytes) throw tooLarge(this.#limits.maxBytes);
    this.#hash.update(value);
    if (this.#isText) this.#isText = !value.includes(0) && this.#decodes(value);
    return value;
  }

  #end(): void {
    const { size } = this.#limits;
    if (size !== undefined && size !== this.#size) {
      const message = `The file has ${this.#size} bytes, and not the ${size} that it says`;
      throw new JimsError('file_incomplete', message);
    }
    // A character that is cut in two at the end.
    if (this.#isText) this.#isText = this.#decodes();
  }

  #decodes(piece?: Uint8Array): boolean {
    try {
      this.#decoder.decode(piece, { stream: piece !== undefined });
      return true;
    } catch {
      return false;
    }
  }
}

function tooLarge(maxBytes: number): JimsError {
  return new JimsError('file_too_large', `The file is larger than ${maxBytes} bytes`);
}

function brokenOff(cause: unknown): never {
  if (isJimsError(cause)) throw cause;
  throw new JimsError('file_incomplete', 'The file broke off while it was sent', { cause });
}
