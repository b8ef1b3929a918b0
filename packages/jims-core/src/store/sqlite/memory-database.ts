import type { DatabaseSync, StatementSync } from 'node:sqlite';

import { MemoryFileStore } from '../files/memory-file-store.ts';
import type { FileStore, Store } from '../store.ts';
import { toHex } from './columns.ts';
import { openDatabase } from './open-database.ts';
import { sqliteStoreOn } from './sqlite-store.ts';

const MEMORY = ':memory:';

/** A database in memory, and files, which live longer than the stores of the processes that work on them. */
export class MemoryDatabase {
  readonly files: FileStore = new MemoryFileStore();
  readonly #db: DatabaseSync;
  readonly #expire: StatementSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#expire = db.prepare(
      'UPDATE jims_questions SET expires_at = asked_at WHERE question_id = ?',
    );
  }

  static async open(): Promise<MemoryDatabase> {
    return new MemoryDatabase(await openDatabase(MEMORY));
  }

  /** Makes a store as another process would open it. One process at a time, please: closing it closes the database. */
  store(): Store {
    return sqliteStoreOn(this.#db, MEMORY);
  }

  /** Makes the time of an open question be over. */
  expire(questionId: string): void {
    this.#expire.run(toHex(questionId));
  }
}
