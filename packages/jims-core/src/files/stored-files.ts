import { JimsError, describeError, filesUnavailable } from '../errors/jims-error.ts';
import type {
  FileList,
  FileQuery,
  FileRange,
  FileRecord,
  FileRecords,
  FileStore,
  NewFileRecord,
} from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { MessageFile } from '../thread/message.ts';
import type { FileBody } from './file-body.ts';
import type { FileLimits } from './file-limits.ts';

export interface StoredFilesOptions extends FilePlaces {
  readonly limits: FileLimits;
  readonly logger: Logger;
}

/** The files of an app: what is known of them and their bytes, which come and go together. */
export class StoredFiles {
  readonly limits: FileLimits;
  readonly #places: FilePlaces;
  readonly #logger: Logger;

  constructor({ records, bytes, limits, logger }: StoredFilesOptions) {
    this.limits = limits;
    this.#places = { records, bytes };
    this.#logger = logger;
  }

  /**
   * Writes a file. `typeOf` decides what it is when its bytes were read.
   *
   * @throws JimsError what `typeOf` throws, `file_too_large`, `file_incomplete`, `too_many_files`,
   * `store_unavailable`; nothing is kept then.
   */
  async write(file: NewFileRecord, body: FileBody, typeOf: () => string): Promise<FileRecord> {
    const { records, bytes } = this.#places;
    try {
      await this.#begin(file);
    } catch (error) {
      await body.close();
      throw error;
    }
    try {
      await bytes.write(file.fileId, body.pieces());
      const mediaType = typeOf();
      const { size, digest } = body.result;
      const record = await records.completeFile(file.fileId, { mediaType, size, digest });
      if (record) return record;
    } catch (error) {
      await body.close();
      await this.#abandon(file.fileId);
      throw error;
    }
    await this.#abandon(file.fileId);
    throw new JimsError('file_incomplete', 'The file was erased while it was sent');
  }

  /** The files among these that are there, in any order. */
  async find(fileIds: readonly string[]): Promise<readonly FileRecord[]> {
    return fileIds.length === 0 ? [] : this.#places.records.files(fileIds);
  }

  /**
   * Files as a message names them, in this order.
   *
   * @throws JimsError `file_not_found`
   */
  async forMessage(fileIds: readonly string[]): Promise<readonly MessageFile[]> {
    const records = new Map((await this.find(fileIds)).map((record) => [record.fileId, record]));
    return [...new Set(fileIds)].map((fileId) => {
      const record = records.get(fileId);
      if (record) return messageFile(record);
      throw new JimsError('file_not_found', `The file '${fileId}' is unknown: upload it again`);
    });
  }

  list(query: FileQuery): Promise<FileList> {
    return this.#places.records.listFiles(query);
  }

  /**
   * Reads bytes of a file, to its end unless a range says otherwise.
   *
   * @throws JimsError `store_unavailable`, also where fewer bytes are there than were written: a part of a file must
   * not pass for the whole.
   */
  async *read(
    { fileId, size }: Pick<FileRecord, 'fileId' | 'size'>,
    range: FileRange = { start: 0, end: size },
  ): AsyncGenerator<Uint8Array, void, void> {
    const wanted = range.end - range.start;
    if (wanted <= 0) return;
    let sent = 0;
    for await (const piece of this.#places.bytes.read(fileId, range)) {
      sent += piece.byteLength;
      yield piece;
    }
    if (sent === wanted) return;
    throw filesUnavailable(
      `The place of the files gave ${sent} instead of ${wanted} bytes of the file '${fileId}'`,
    );
  }

  /** Removes files; those that are unknown are no error. */
  async erase(fileIds: readonly string[]): Promise<void> {
    await eraseFiles(this.#places, fileIds);
  }

  /** Removes what is to be erased, by any process, and what was left behind. */
  async eraseLeft(signal?: AbortSignal): Promise<void> {
    const files = await eraseLeftFiles(this.#places, {
      unnamedMs: this.limits.unnamedFileMs,
      signal,
    });
    if (files > 0) this.#logger.info({ files }, 'files that belong to nothing were removed');
  }

  async #begin(file: NewFileRecord): Promise<void> {
    const maxContactBytes = this.limits.maxContactFileBytes;
    if ((await this.#places.records.beginFile(file, { maxContactBytes })) === 'begun') return;
    throw new JimsError(
      'too_many_files',
      `The files of this contact would be more than ${maxContactBytes} bytes: delete some of them`,
    );
  }

  /** What this cannot do now is done a day later. */
  async #abandon(fileId: string): Promise<void> {
    try {
      // Another process may have written the same file meanwhile, of a run that went on there.
      const [complete] = await this.find([fileId]);
      if (!complete) await this.erase([fileId]);
    } catch (error) {
      const { message } = describeError(error);
      this.#logger.warn({ fileId, error: message }, 'a file that broke off is not removed yet');
    }
  }
}

/** A file as messages name it. */
export function messageFile({ fileId, name, mediaType, size }: FileRecord): MessageFile {
  return { file_id: fileId, name, media_type: mediaType, size };
}

interface FilePlaces {
  readonly records: FileRecords;
  readonly bytes: FileStore;
}

const BATCH = 100;

/** Removes files: nobody finds them any more, then their bytes, then what is known of them. */
async function eraseFiles(
  { records, bytes }: FilePlaces,
  fileIds: readonly string[],
): Promise<void> {
  if (fileIds.length === 0) return;
  await records.dropFiles(fileIds);
  await removeDropped({ records, bytes }, fileIds);
}

/**
 * Finishes what was begun: removes all files that are being erased, no matter which process began it, half ones, and those
 * that no message names, in batches, until none are left or the signal aborts. Resolves with how many.
 */
async function eraseLeftFiles(
  places: FilePlaces,
  { unnamedMs, signal }: { readonly unnamedMs: number; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  let count = 0;
  for (;;) {
    const isOver = signal?.aborted === true;
    const fileIds = isOver ? [] : await places.records.filesToErase({ unnamedMs, limit: BATCH });
    if (fileIds.length === 0) return count;
    await removeDropped(places, fileIds);
    count += fileIds.length;
  }
}

async function removeDropped(
  { records, bytes }: FilePlaces,
  fileIds: readonly string[],
): Promise<void> {
  await bytes.remove(fileIds);
  await records.forgetFiles(fileIds);
}
