import type { DatabaseSync } from 'node:sqlite';

/** Keeps what was erased from staying in the log beside the file. */
export interface LogTruncation {
  /** Moves the log into the file and empties it: now, or as soon as no other program reads from it. */
  truncate(): void;
  close(): void;
}

const RETRY_MS = 1000;

export function logTruncation(db: DatabaseSync, busyTimeoutMs: number): LogTruncation {
  let retry: NodeJS.Timeout | undefined;

  function truncate(): void {
    clearTimeout(retry);
    retry = isEmptied(db, busyTimeoutMs) ? undefined : setTimeout(truncate, RETRY_MS).unref();
  }

  return {
    truncate,
    close() {
      clearTimeout(retry);
      if (retry) isEmptied(db, busyTimeoutMs);
    },
  };
}

/** Does not wait for readers: the whole process would. */
function isEmptied(db: DatabaseSync, busyTimeoutMs: number): boolean {
  db.exec('PRAGMA busy_timeout = 0');
  try {
    return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
  } catch {
    // The disk is full or away, which those who write are told.
    return false;
  } finally {
    db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  }
}
