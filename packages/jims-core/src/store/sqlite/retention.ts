import type { DatabaseSync } from 'node:sqlite';

import { eraseThreads } from '../erase-threads.ts';
import type { PurgeLimits, PurgeResult } from '../store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import { Erasing } from './erasing.ts';
import type { Tables } from './tables.ts';

/** When the indexes are rebuilt after something was erased, once for all of it. */
const CLEAN_AFTER_MS = 1000;
const RETRY_MS = 1000;

/** Runs a write of the store. */
export type Write = <T>(work: () => T) => Promise<T>;

/**
 * Erases threads and old runs piece by piece, each in a transaction of its own, and leaves nothing of them
 * in the database file and in the log beside it.
 */
export class ThreadEraser {
  readonly #db: DatabaseSync;
  readonly #write: Write;
  readonly #watchers: ThreadWatchers;
  readonly #erasing: Erasing;
  #hasPurged = false;
  #cleaning: NodeJS.Timeout | undefined;
  #cleaned = Promise.resolve();
  /** Set while the log could not be emptied. */
  #truncating: NodeJS.Timeout | undefined;

  constructor(db: DatabaseSync, tables: Tables, write: Write, watchers: ThreadWatchers) {
    this.#db = db;
    this.#write = write;
    this.#watchers = watchers;
    this.#erasing = new Erasing(db, tables);
  }

  async deleteThreads(
    which: { threadId: string } | { contactId: string },
  ): Promise<readonly string[]> {
    const files = 'contactId' in which ? await this.#takeFiles(which.contactId) : 0;
    const ids = await eraseThreads({
      take: () => this.#write(() => this.#erasing.takeThreads(which)),
      eraseSome: (threadIds) => this.#write(() => this.#erasing.eraseSome(threadIds)),
      wake: (threadId) => this.#watchers.wake(threadId),
    });
    if (ids.length > 0 || files > 0) this.#leaveNothing();
    return ids;
  }

  async purge(limits: PurgeLimits): Promise<PurgeResult> {
    const purged = await this.#write(() => this.#erasing.purge(limits));
    for (const threadId of purged.threadIds) this.#watchers.wake(threadId);
    if (this.#hasPurged && !purged.more) this.#leaveNothing();
    this.#hasPurged = purged.more;
    return purged;
  }

  /** Does at once what was put off. Call it before the last writes are committed. */
  async settle(): Promise<void> {
    await (this.#cleaning ? this.#clean() : this.#cleaned);
  }

  /** Empties the log once more, if that did not work before. Call it before the file is closed. */
  close(): void {
    if (this.#truncating) isLogEmptied(this.#db);
    clearTimeout(this.#truncating);
  }

  async #takeFiles(contactId: string): Promise<number> {
    let count = 0;
    for (let taken = 1; taken > 0; count += taken) {
      taken = await this.#write(() => this.#erasing.takeFiles(contactId));
    }
    return count;
  }

  #leaveNothing(): void {
    this.#truncateLog();
    // Once for many erasures: rebuilding costs as much as the indexes are large.
    this.#cleaning ??= setTimeout(() => void this.#clean(), CLEAN_AFTER_MS).unref();
  }

  #clean(): Promise<void> {
    clearTimeout(this.#cleaning);
    this.#cleaning = undefined;
    this.#cleaned = this.#cleaned
      .then(() => this.#cleanIndexes())
      .catch(() => {
        // The file takes no writes, which the next message finds out.
      });
    return this.#cleaned;
  }

  async #cleanIndexes(): Promise<void> {
    for (const clean of this.#erasing.cleanings) await this.#write(clean);
    this.#truncateLog();
  }

  /** Moves the log into the database and empties it: now, or as soon as no other program reads from it. */
  #truncateLog(): void {
    clearTimeout(this.#truncating);
    this.#truncating = isLogEmptied(this.#db)
      ? undefined
      : setTimeout(() => this.#truncateLog(), RETRY_MS).unref();
  }
}

function isLogEmptied(db: DatabaseSync): boolean {
  try {
    return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0;
  } catch {
    // The disk is full or away, which the next write finds out.
    return false;
  }
}
