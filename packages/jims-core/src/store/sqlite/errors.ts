import { JimsError, isJimsError } from '../../errors/jims-error.ts';

/** Statements that do not fit the tables. */
export const OTHER_TABLES = 1;
export const BUSY = 5;
export const READ_ONLY = 8;
export const CANNOT_OPEN = 14;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;
/** The extended codes of a primary key and of a unique index. */
const UNIQUE: ReadonlySet<unknown> = new Set([1555, 2067]);

/** The lowest byte of SQLite's result codes. */
export function primaryCode(error: unknown): number | undefined {
  if (!Error.isError(error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

export function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && 'errcode' in error;
}

/** True when another program has the file locked. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error) === BUSY;
}

/** True when the content of the file is damaged, or not a database. */
export function isDamage(error: unknown): boolean {
  const code = primaryCode(error);
  return code === CORRUPT || code === NOT_A_DATABASE;
}

/** True when a row has the id of one that is there. */
export function isTwice(error: unknown): boolean {
  return isSqliteError(error) && 'errcode' in error && UNIQUE.has(error.errcode);
}

/** SQLite's errors as `store_unavailable`: for a full disk or a broken file, callers can only try later. */
export function asStoreError(error: unknown): unknown {
  if (isJimsError(error) || !isSqliteError(error)) return error;
  if (isTwice(error)) {
    return new JimsError('invalid_event', 'There is an event or a run of this id already', {
      cause: error,
    });
  }
  return new JimsError('store_unavailable', `SQLite: ${error.message}`, { cause: error });
}
