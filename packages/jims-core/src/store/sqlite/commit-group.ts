import type { DatabaseSync } from 'node:sqlite';

import { JimsError, isJimsError } from '../../errors.ts';

interface Pending {
  run(): void;
  resolve(): void;
  reject(error: unknown): void;
}

/** Writes to a database, several at a time. */
export interface CommitGroup {
  /**
   * Runs `work` inside a transaction and resolves with its value when that is on disk. `work` is
   * synchronous, and may run twice: it must read whatever it decides on by itself.
   */
  write<T>(work: () => T): Promise<T>;
  /** Commits what waits. */
  flush(): void;
}

/**
 * Shares one transaction, and so one `fsync`, among all writes of the same turn of the event loop:
 * with `synchronous=FULL` that is what makes durable writes cheap. A write that fails does not hurt
 * its neighbours: the group is rolled back and each of them gets a transaction of its own.
 * `onCommitted` is called after each transaction that is on disk.
 */
export function createCommitGroup(db: DatabaseSync, onCommitted: () => void): CommitGroup {
  let pending: Pending[] = [];
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');

  function transaction(work: () => void): void {
    begin.run();
    try {
      work();
      commit.run();
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  function flush(): void {
    const group = pending;
    pending = [];
    if (group.length === 0) return;
    try {
      transaction(() => {
        for (const each of group) each.run();
      });
    } catch (error) {
      if (group.length > 1) group.forEach(alone);
      else group[0]?.reject(asStoreError(error));
      return;
    }
    for (const each of group) each.resolve();
    onCommitted();
  }

  function alone(one: Pending): void {
    try {
      transaction(() => one.run());
    } catch (error) {
      one.reject(asStoreError(error));
      return;
    }
    one.resolve();
    onCommitted();
  }

  return {
    write<T>(work: () => T): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      let value: T;
      if (pending.length === 0) setImmediate(flush);
      pending.push({
        run: () => {
          value = work();
        },
        resolve: () => resolve(value),
        reject,
      });
      return promise;
    },
    flush,
  };
}

/** A full disk, a locked or broken file: the caller can only try later. */
export function asStoreError(error: unknown): unknown {
  if (isJimsError(error) || !(error instanceof Error) || !('errcode' in error)) return error;
  return new JimsError('store_unavailable', `SQLite: ${error.message}`, { cause: error });
}
