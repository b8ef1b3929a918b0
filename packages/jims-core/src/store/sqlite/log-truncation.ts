import type { DatabaseSync } from 'node:sqlite';

/** Keeps what was erased from staying in the log beside the file. */
export interface LogTruncation {
  /** Moves the log into the file and empties it: now, or as soon as no other program reads from it. */
  truncate(): void;
  close(): void;
}

const RETRY_MS = 1000;

export function logTruncation(db: DatabaseSync): LogTruncation {
  let retry: NodeJS.Timeout | undefined;

  function truncate(): void {
    clearTimeout(retry);
    retry = isEmptied(db) ? undefined : setTimeout(truncate, RETRY_MS).unref();
  }

  return {
    truncate,
    close() {
      clearTimeout(retry);
      if (retry) isEmptied(db);
    },
  };
}

function isEmptied(db: DatabaseSync): boolean {
  try {
    return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
  } catch {
    // The disk is full or away, which the next write reports.
    return false;
  }
}
