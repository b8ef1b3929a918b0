import type { DatabaseSync } from 'node:sqlite';

import { JimsError } from '../../errors/jims-error.ts';
import { asStoreError, isBusy } from './sqlite-errors.ts';

interface Pending {
  run(): void;
  resolve(): void;
  reject(error: unknown): void;
  /** By the clock of this process: until when it may wait for another program. */
  readonly deadline: number;
}

/** Writes to a database, several at a time. */
export interface CommitGroup {
  /**
   * Runs `work` inside a transaction and resolves with its value when that is on disk. `work` is
   * synchronous, and may run twice: it must read whatever it decides on by itself.
   *
   * @throws JimsError `store_unavailable` when another program keeps the file locked for too long.
   */
  write<T>(work: () => T): Promise<T>;
  /** Commits what waits, and resolves when nothing waits any more. */
  flush(): Promise<void>;
}

/** How long a write waits for another program. */
const MAX_WAIT_MS = 5000;
const RETRY_MS = 20;

/**
 * Shares one transaction, and so one `fsync`, among all writes of the same turn of the event loop:
 * with `synchronous=FULL` that is what makes durable writes cheap. A write that fails does not hurt
 * its neighbours: the group is rolled back and each of them gets a transaction of its own.
 * `onCommitted` is called after each transaction that is on disk.
 *
 * While another program has the lock, all writes wait together, with timers: waiting in SQLite would
 * stop the process.
 */
export function createCommitGroup(db: DatabaseSync, onCommitted: () => void): CommitGroup {
  let pending: Pending[] = [];
  let retry: NodeJS.Timeout | undefined;
  let idle: PromiseWithResolvers<void> | undefined;
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

  function commitPending(): void {
    const group = pending;
    pending = [];
    if (group.length > 0) commitAll(group);
    if (pending.length === 0) idle?.resolve();
  }

  function commitAll(group: readonly Pending[]): void {
    try {
      transaction(() => {
        for (const each of group) each.run();
      });
    } catch (error) {
      if (isBusy(error)) waitAgain(group, error);
      else if (group.length === 1) group[0]?.reject(asStoreError(error));
      else for (const each of group) commitAll([each]);
      return;
    }
    for (const each of group) each.resolve();
    onCommitted();
  }

  function waitAgain(group: readonly Pending[], cause: unknown): void {
    const now = performance.now();
    for (const each of group) {
      if (each.deadline > now) pending.push(each);
      else each.reject(lockedError(cause));
    }
    if (pending.length === 0) return;
    clearTimeout(retry);
    retry = setTimeout(commitPending, RETRY_MS);
  }

  return {
    write<T>(work: () => T): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      let value: T;
      // What waits for another program has its timer already.
      if (pending.length === 0) setImmediate(commitPending);
      pending.push({
        run: () => {
          value = work();
        },
        resolve: () => resolve(value),
        reject,
        deadline: performance.now() + MAX_WAIT_MS,
      });
      return promise;
    },
    async flush() {
      idle ??= Promise.withResolvers<void>();
      commitPending();
      await idle.promise;
      clearTimeout(retry);
    },
  };
}

function lockedError(cause: unknown): JimsError {
  return new JimsError(
    'store_unavailable',
    'SQLite: another program keeps the database locked for writing',
    { cause },
  );
}
