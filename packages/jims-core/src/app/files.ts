import type { FileRange, FileRecord } from '../store/store.ts';
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
   * `store_unavailable`; nothing is kept then.
   */
  upload(_upload: FileUpload): Promise<FileRecord> {
    throw new Error('files are not there yet');
  }

  /** Finds files; those that are unknown are left out. */
  find(_fileIds: readonly string[]): Promise<readonly FileRecord[]> {
    throw new Error('files are not there yet');
  }

  /** Reads a file, or a part of it, piece by piece. @throws JimsError `file_gone` */
  read(_file: FileRecord, _range?: FileRange): AsyncIterable<Uint8Array> {
    throw new Error('files are not there yet');
  }

  /** Removes a file. */
  delete(_fileId: string): Promise<void> {
    throw new Error('files are not there yet');
  }
}
