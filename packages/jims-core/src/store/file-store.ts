/**
 * Where the bytes of files are kept: beside a SQLite file, in PostgreSQL, or in an S3-compatible service.
 * Ids are UUIDs. Whatever cannot be reached rejects with `store_unavailable`.
 */
export interface FileStore extends AsyncDisposable {
  /** The kind of place and where it is, for messages to people; without a password. */
  readonly description: string;
  /**
   * Writes a file, piece by piece: never the whole of it is in memory. Resolves when it is durable. When it
   * rejects, also as the pieces reject, nothing readable is left.
   */
  write(fileId: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Reads bytes of a file, `start` to `end` (not included), piece by piece.
   *
   * @throws JimsError `file_gone` when it is not there.
   */
  read(fileId: string, range: FileRange): AsyncIterable<Uint8Array>;
  /** Removes files, half ones too; those that are not there are no error. */
  remove(fileIds: readonly string[]): Promise<void>;
  /** Rejects when files cannot be written there, and says what to do. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface FileRange {
  readonly start: number;
  readonly end: number;
}
