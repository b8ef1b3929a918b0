import { isJimsError } from '../errors/jims-error.ts';

/** The most bytes that are kept for the next call of a run. */
const MAX_KEPT = 20 * 1024 * 1024;

/** Gives the bytes of a file. Rejects with `file_gone` or `file_not_found` when they are not there. */
export type LoadFile = (fileId: string) => Promise<Uint8Array>;

interface KeptFile {
  readonly bytes: Promise<Uint8Array | undefined>;
  size: number;
}

/** The bytes of the files of one run: each is loaded once, as long as there is room to keep it. */
export class FileBytes {
  readonly #load: LoadFile;
  /** Those that were used last come last. */
  readonly #kept = new Map<string, KeptFile>();
  #size = 0;

  constructor(load: LoadFile) {
    this.#load = load;
  }

  /** `undefined` for a file that is gone. */
  of(fileId: string): Promise<Uint8Array | undefined> {
    const kept = this.#kept.get(fileId) ?? this.#loading(fileId);
    this.#kept.delete(fileId);
    this.#kept.set(fileId, kept);
    return kept.bytes;
  }

  #loading(fileId: string): KeptFile {
    const bytes = this.#loaded(fileId);
    const kept: KeptFile = { bytes, size: 0 };
    bytes.then(
      (loaded) => {
        if (this.#kept.get(fileId) !== kept) return;
        kept.size = loaded?.byteLength ?? 0;
        this.#size += kept.size;
        this.#makeRoom();
      },
      // The next call tries again.
      () => this.#kept.delete(fileId),
    );
    return kept;
  }

  async #loaded(fileId: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#load(fileId);
    } catch (error) {
      if (isJimsError(error) && GONE.has(error.code)) return undefined;
      throw error;
    }
  }

  #makeRoom(): void {
    for (const [fileId, { size }] of this.#kept) {
      if (this.#size <= MAX_KEPT) return;
      // It is being loaded.
      if (size === 0) continue;
      this.#kept.delete(fileId);
      this.#size -= size;
    }
  }
}

const GONE: ReadonlySet<string> = new Set(['file_gone', 'file_not_found']);
