import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { JimsError, describeError, isJimsError } from '../../errors/jims-error.ts';
import { BUSY, CANNOT_OPEN, READ_ONLY, isBusy, primaryCode } from './errors.ts';
import { forgetDeadInstances } from './instances.ts';
import { whenUnlocked } from './lock.ts';
import { migrate } from './migrations.ts';

/**
 * A page that many runs change is moved from the log into the database once for all of them: the more
 * pages the log may have, the fewer are moved. 4000 of 4 KiB are 16 MiB of log, and 8 MiB of cache. A log
 * that a long reader made grow is cut back to 24 MiB. Removed data is overwritten with zeroes, at once:
 * it costs nothing that can be measured, as only erasing frees whole pages.
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
      forgetDeadInstances(file);
    }
    return await whenUnlocked(() => openOnce(file));
  } catch (error) {
    if (isJimsError(error)) throw error;
    const code = isBusy(error) ? 'store_unavailable' : 'store_invalid';
    const message = `Cannot use '${file}' as a SQLite database: ${reasonOf(error)}`;
    throw new JimsError(code, message, { cause: error });
  }
}

function openOnce(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec(SETTINGS);
    migrate(db);
    // Without a write, a file that may only be read would be found out by the first message.
    db.exec('DELETE FROM jims_instances WHERE false');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** SQLite's message, and what to do about it when the reason is the file and not its content. */
function reasonOf(error: unknown): string {
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
