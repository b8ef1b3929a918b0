import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

import { JimsError, describeError, isJimsError } from '../../errors/jims-error.ts';
import { migrate } from './schema.ts';
import { forgetTheDead } from './sole-user.ts';
import { BUSY, CANNOT_OPEN, READ_ONLY, isBusy, primaryCode } from './sqlite-errors.ts';

/** How long a read, or opening, waits for another program that keeps the file to itself. */
const MAX_WAIT_MS = 5000;
const RETRY_MS = 20;
/**
 * A page that many runs change is moved from the log into the database once for all of them: the more
 * pages the log may have, the fewer are moved. 4000 of 4 KiB are 16 MiB of log, and 8 MiB of cache. A log
 * that a long reader made grow is cut back to 24 MiB. What is removed is overwritten with zeroes.
 */
const SETTINGS = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA cache_size = -8192;
PRAGMA journal_size_limit = 25165824;
PRAGMA secure_delete = ON;
`;

/**
 * Opens the file and brings its tables up to date.
 *
 * @throws JimsError `store_invalid`, `store_unavailable` when another program keeps it locked.
 */
export async function openDatabase(file: string): Promise<DatabaseSync> {
  try {
    if (file !== ':memory:') {
      mkdirSync(dirname(file), { recursive: true });
      forgetTheDead(file);
    }
    return await whenFree(() => openOnce(file));
  } catch (error) {
    if (isJimsError(error)) throw error;
    const reason = openFault(error);
    const code = isBusy(error) ? 'store_unavailable' : 'store_invalid';
    throw new JimsError(code, `Cannot use '${file}' as a SQLite database: ${reason}`, {
      cause: error,
    });
  }
}

function openOnce(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec(SETTINGS);
    migrate(db);
    // A file that may only be read says so to the first that writes.
    db.exec('DELETE FROM jims_instances WHERE false');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Tries again while another program has the file, with timers: SQLite would stop the process. */
export async function whenFree<T>(work: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + MAX_WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
    await sleep(RETRY_MS);
  }
}

/** What SQLite says, and what helps when it is about the file and not about what is in it. */
function openFault(error: unknown): string {
  const { message } = describeError(error);
  switch (primaryCode(error)) {
    case CANNOT_OPEN:
      return `${message}: it is a folder, or this user may not make files there`;
    case READ_ONLY:
      return `${message}: this user may not write to it and to its folder`;
    case BUSY:
      return `${message}: another program is writing to it`;
    default:
      return message;
  }
}
