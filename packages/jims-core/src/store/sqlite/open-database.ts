import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { JimsError, describeError, isJimsError } from '../../errors/jims-error.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { ORIGINAL_COLUMNS } from '../original-columns.ts';
import { BUSY, CANNOT_OPEN, OTHER_TABLES, READ_ONLY, isBusy, primaryCode } from './errors.ts';
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

const REMEDY =
  'The file is not a JIMS database, or an incomplete one: name another file, or restore a backup';

export interface OpenDatabaseOptions {
  readonly logger?: Logger | undefined;
  /** Refuses a file that does not exist, in place of making it. */
  readonly mustExist?: boolean | undefined;
}

/**
 * Opens the file and brings its tables up to date.
 *
 * @throws JimsError `store_invalid`, also for a new file with `mustExist`, `store_unavailable` when another program keeps it locked.
 */
export async function openDatabase(
  file: string,
  { logger = silentLogger, mustExist = false }: OpenDatabaseOptions = {},
): Promise<DatabaseSync> {
  const isNew = file !== ':memory:' && !existsSync(file);
  if (isNew && mustExist) {
    throw new JimsError('store_invalid', `There is no database '${resolve(file)}'`);
  }
  try {
    if (file !== ':memory:') {
      mkdirSync(dirname(file), { recursive: true });
      forgetDeadInstances(file);
    }
    const db = await whenUnlocked(() => openOnce(file));
    if (isNew) logger.info({ file: resolve(file) }, 'a new database was made');
    return db;
  } catch (error) {
    throw asOpenError(error, file);
  }
}

/** Why a file cannot be opened, for the operator who named it. */
export function asOpenError(error: unknown, file: string): JimsError {
  if (isJimsError(error)) return error;
  const code = isBusy(error) ? 'store_unavailable' : 'store_invalid';
  const message = `Cannot use '${file}' as a SQLite database: ${reasonOf(error)}`;
  return new JimsError(code, message, { cause: error });
}

function openOnce(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    // Before anything is written: the file may be of another program.
    requireColumns(db, file);
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

/** Refuses tables that have our names and are not ours. */
function requireColumns(db: DatabaseSync, file: string): void {
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)');
  for (const [table, wanted] of Object.entries(ORIGINAL_COLUMNS)) {
    const found = columns.all(table).map(({ name }) => name);
    const missing = wanted.filter((column) => !found.includes(column));
    if (found.length === 0 || missing.length === 0) continue;
    throw new JimsError(
      'store_invalid',
      `Cannot use '${file}': its table ${table} has no column ${missing.join(', ')}. ${REMEDY}`,
    );
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
    case OTHER_TABLES:
      return `${message}. ${REMEDY}`;
    default:
      return message;
  }
}
