import type { DatabaseSync, StatementSync } from 'node:sqlite';

import { JimsError } from '../../errors/jims-error.ts';
import { isBusy } from './errors.ts';
import type { Health } from './health.ts';
import { LOCK_RETRY_MS, LOCK_WAIT_MS } from './lock.ts';

interface PendingWrite {
  run(): void;
  resolve(): void;
  reject(error: unknown): void;
  /** How long it may wait for another program, by `performance.now()`. */
  readonly deadline: number;
}

/**
 * Commits all writes of one turn of the event loop in one transaction. They share one `fsync`, which
 * makes durable writes cheap with `synchronous=FULL`. A write that fails does not hurt the others: the
 * group is rolled back, and then each write gets a transaction of its own.
 *
 * While another program has the file locked, all writes wait together, with a timer: waiting inside
 * SQLite would stop the whole process.
 */
export class CommitGroup {
  readonly #db: DatabaseSync;
  readonly #health: Health;
  readonly #onCommitted: () => void;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #pending: PendingWrite[] = [];
  #retry: NodeJS.Timeout | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param onCommitted Called after each transaction that is on disk. */
  constructor(db: DatabaseSync, health: Health, onCommitted: () => void) {
    this.#db = db;
    this.#health = health;
    this.#onCommitted = onCommitted;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
  }

  /**
   * Runs `work` inside a transaction and resolves with its value when that is on disk. `work` is
   * synchronous and may run twice, so it must read everything that it decides by.
   *
   * @throws JimsError `store_unavailable` when another program keeps the file locked for too long.
   */
  write<T>(work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let value: T;
    // Writes that wait for another program have their timer already.
    if (this.#pending.length === 0) setImmediate(() => this.#commitPending());
    this.#pending.push({
      run: () => {
        value = work();
      },
      resolve: () => resolve(value),
      reject,
      deadline: performance.now() + LOCK_WAIT_MS,
    });
    return promise;
  }

  /** Commits pending writes, and resolves when there are none. */
  async flush(): Promise<void> {
    this.#idle ??= Promise.withResolvers<void>();
    this.#commitPending();
    await this.#idle.promise;
    clearTimeout(this.#retry);
  }

  #commitPending(): void {
    const group = this.#pending;
    this.#pending = [];
    if (group.length > 0) this.#commitAll(group);
    if (this.#pending.length === 0) this.#idle?.resolve();
  }

  #commitAll(group: readonly PendingWrite[]): void {
    try {
      this.#transaction(group);
    } catch (error) {
      if (isBusy(error)) this.#waitAgain(group, error);
      else if (group.length === 1) group[0]?.reject(this.#health.failed(error));
      else for (const write of group) this.#commitAll([write]);
      return;
    }
    this.#health.wrote();
    for (const write of group) write.resolve();
    this.#onCommitted();
  }

  #transaction(group: readonly PendingWrite[]): void {
    this.#begin.run();
    try {
      for (const write of group) write.run();
      this.#commit.run();
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #waitAgain(group: readonly PendingWrite[], cause: unknown): void {
    const now = performance.now();
    for (const write of group) {
      if (write.deadline > now) this.#pending.push(write);
      else write.reject(this.#health.failed(lockedError(cause)));
    }
    if (this.#pending.length === 0) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#commitPending(), LOCK_RETRY_MS);
  }
}

function lockedError(cause: unknown): JimsError {
  const message = 'SQLite: another program keeps the database locked for writing';
  return new JimsError('store_unavailable', message, { cause });
}
