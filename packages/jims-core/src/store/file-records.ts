import type { EventPosition, ReadBounds } from './thread-store.ts';

/**
 * What is known of files. Their bytes are in a {@link FileStore}: no bytes without a record, and no `ready`
 * record without its bytes.
 *
 * A file is `uploading` while its bytes are written, then `ready`. A message that names it takes it into
 * its thread (`AcceptRequest.files`). It is `erasing` from the moment that its thread or its contact is
 * erased, or that it was named by nothing for too long, until its bytes are gone: then nobody finds it.
 */
export interface FileRecords {
  /**
   * Begins a file. Its `size` counts for its contact from now on: what it may become at most.
   *
   * @returns `too_many_bytes` when the contact's files would be more than `maxContactBytes` then.
   */
  beginFile(
    file: NewFileRecord,
    limits: { readonly maxContactBytes: number },
  ): Promise<'begun' | 'too_many_bytes'>;
  /** Its bytes are there. @returns `undefined` when it is being erased: then its bytes must go. */
  completeFile(fileId: string, content: FileContent): Promise<FileRecord | undefined>;
  /** The `ready` files among these. */
  files(fileIds: readonly string[]): Promise<readonly FileRecord[]>;
  /** The `ready` files of a contact or a thread, oldest first. */
  listFiles(query: FileQuery): Promise<FileList>;
  /** Marks files `erasing`, whatever they are: nobody finds them any more. */
  dropFiles(fileIds: readonly string[]): Promise<void>;
  /**
   * Marks as `erasing` what is older than `unnamedMs` and `uploading`, or `ready` and named by no message:
   * its thread is unknown, or has no event of the id `eventId`. Then gives files that are `erasing`, by
   * any process, so that their bytes can be removed; `forgetFiles` is called after that.
   */
  filesToErase(options: {
    readonly unnamedMs: number;
    readonly limit: number;
  }): Promise<readonly string[]>;
  /** Removes the records of files that are `erasing`, whose bytes are gone. */
  forgetFiles(fileIds: readonly string[]): Promise<void>;
}

/** A file before its bytes are there. */
export interface NewFileRecord {
  /** A new UUIDv7. */
  readonly fileId: string;
  readonly contactId: string;
  readonly name: string;
  /** How large it may become. */
  readonly size: number;
  /** Of a file that an app sends: its thread, and the message that is going to name it. */
  readonly named?: { readonly threadId: string; readonly eventId: string };
}

/** What is known of a file when all of it was read. */
export interface FileContent {
  readonly mediaType: string;
  readonly size: number;
  /** SHA-256, in hex. */
  readonly digest: string;
}

/** A file that is there. */
export interface FileRecord extends FileContent {
  readonly fileId: string;
  readonly contactId: string;
  readonly name: string;
  readonly createdAt: string;
  /** The thread whose message named it first; `undefined` before that. */
  readonly threadId: string | undefined;
}

/** Which files to list. */
export interface FileQuery extends ReadBounds {
  readonly contactId?: string;
  readonly threadId?: string;
  /** Only files after this one. */
  readonly after?: EventPosition;
}

/** A part of a list of files. */
export interface FileList {
  readonly files: readonly FileRecord[];
  readonly more: boolean;
}
