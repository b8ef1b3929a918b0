import { JimsError } from '../errors/jims-error.ts';
import { FileBody } from '../files/file-body.ts';
import { isAllowedType } from '../files/file-limits.ts';
import type { FileLimits } from '../files/file-limits.ts';
import { fileName } from '../files/file-name.ts';
import { mediaType, usualType } from '../files/media-type.ts';
import type { FileList, FileQuery, FileRange, FileRecord } from '../store/store.ts';
import { newId } from '../thread/new-id.ts';
import type { OpenApp } from './open-app.ts';

/** A file that somebody sends. */
export interface FileUpload {
  readonly contactId: string;
  /** As the sender calls it; folders in it are left out. */
  readonly name: string;
  /** As the sender says; the bytes must agree. Default: found out from the bytes. */
  readonly mediaType?: string;
  /** How large it is, where that is known before. */
  readonly size?: number;
  readonly content: AsyncIterable<Uint8Array>;
}

/** The files of an app: `app.files`. Every method may reject as `JimsApp.open` does. */
export class AppFiles {
  readonly #app: OpenApp;

  /** @internal Made by the app. */
  constructor(app: OpenApp) {
    this.#app = app;
  }

  /**
   * Stores a file, piece by piece. A message names it by its id; what no message names is removed after
   * a day.
   *
   * @throws JimsError `file_too_large`, `file_refused`, `file_incomplete`, `too_many_files`,
   * `store_unavailable`; nothing is kept then. `invalid_event` for content that is not a stream.
   * @example
   * ```ts
   * const content = createReadStream('menu.pdf');
   * const file = await app.files.upload({ contactId: 'customer:42', name: 'menu.pdf', content });
   * await app.runs.start({ contactId: 'customer:42', message: 'What is on it?', files: [file.fileId] });
   * ```
   */
  async upload({ contactId, size, content, ...given }: FileUpload): Promise<FileRecord> {
    if (!isStream(content)) {
      throw new JimsError(
        'invalid_event',
        'The content of a file must be a stream of bytes, such as `new Blob([data]).stream()`',
      );
    }
    const { files } = await this.#app.opened();
    const { maxFileBytes, fileTypes } = files.limits;
    const declared = usualType(given.mediaType);
    if (declared !== undefined) requireAllowed(declared, fileTypes);
    const body = await FileBody.begin(content, { maxBytes: maxFileBytes, size });
    const name = fileName(given.name);
    const typeOf = (): string => {
      const type = mediaType({ ...body.result, declared, name });
      requireAllowed(type, fileTypes);
      return type;
    };
    const file = { fileId: newId(), contactId, name, size: size ?? maxFileBytes };
    return files.write(file, body, typeOf);
  }

  /** Finds files; those that are unknown are left out. */
  async find(fileIds: readonly string[]): Promise<readonly FileRecord[]> {
    const { files } = await this.#app.opened();
    return files.find(fileIds);
  }

  /**
   * Lists the files of a contact or of a thread, oldest first. `more` tells whether to go on, with the
   * last one as `after`.
   *
   * @example
   * const { files } = await app.files.list({ contactId: 'customer:42', limit: 20 });
   */
  async list(query: FileQuery): Promise<FileList> {
    const { files } = await this.#app.opened();
    return files.list(query);
  }

  /**
   * Reads a file, or a part of it, piece by piece.
   *
   * @throws JimsError `file_gone`
   * @example
   * ```ts
   * for await (const piece of app.files.read(file)) hash.update(piece);
   * ```
   */
  async *read(file: FileRecord, range?: FileRange): AsyncGenerator<Uint8Array, void, void> {
    const { files } = await this.#app.opened();
    yield* files.read(file, range);
  }

  /** Removes a file, whatever names it. Resolves when its bytes are gone. An unknown file is fine. */
  async delete(fileId: string): Promise<void> {
    const { files } = await this.#app.opened();
    await files.erase([fileId]);
  }

  /** What the files of this app may be. */
  async limits(): Promise<FileLimits> {
    const { files } = await this.#app.opened();
    return files.limits;
  }
}

function isStream(content: unknown): boolean {
  return typeof content === 'object' && content !== null && Symbol.asyncIterator in content;
}

function requireAllowed(type: string, patterns: readonly string[]): void {
  if (isAllowedType(type, patterns)) return;
  throw new JimsError('file_refused', `Files of the type ${type} are not allowed`);
}
