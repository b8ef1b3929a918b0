import { DatabaseSync } from 'node:sqlite';

import { leaseClock } from './instances.ts';

const OTHERS =
  'Another process works on this SQLite file. It is for one process: give each its own file, or use PostgreSQL';

/**
 * Forgets all processes that a file knows, when nobody has it open: they are dead, whatever their leases
 * say, which may be of a clock that was set back since. Who has it open keeps a lock on it for as long
 * as he lives, and not longer: the system sees to that.
 */
export function forgetTheDead(file: string): void {
  let alone: DatabaseSync | undefined;
  try {
    alone = new DatabaseSync(file, { timeout: 0 });
    alone.exec('PRAGMA locking_mode = EXCLUSIVE; DELETE FROM jims_instances');
  } catch {
    // Somebody has it open, it is new, or it cannot be used, which opening it for good will say.
  } finally {
    alone?.close();
  }
}

/** What to tell who opens a file that another process works on; its lease says so. */
export function noticeOfOthers(db: DatabaseSync): string | undefined {
  const living = db.prepare('SELECT 1 FROM jims_instances WHERE lease_until > ? LIMIT 1');
  return living.get(leaseClock()) ? OTHERS : undefined;
}
