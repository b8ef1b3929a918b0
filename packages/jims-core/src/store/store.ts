import type { ChainStore } from './chain-store.ts';
import type { FileRecords } from './file-records.ts';
import type { FileStore } from './file-store.ts';
import type { InstanceStore } from './instance-store.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { RunStore } from './run-store.ts';
import type { ThreadStore } from './thread-store.ts';

export * from './chain-records.ts';
export * from './chain-store.ts';
export * from './file-records.ts';
export * from './file-store.ts';
export * from './instance-store.ts';
export * from './outbox-store.ts';
export * from './run-store.ts';
export * from './thread-store.ts';

/**
 * Where threads, events and runs are kept. Two stores implement it with the same promises:
 *
 * - Every method is one transaction: what it resolves with is durable, what it rejects with has
 *   left nothing behind. A database that does not answer rejects with `store_unavailable`.
 * - The events of a thread are ordered by `(createdAt, id)`. Under the thread's lock the store makes
 *   `createdAt` strictly increasing, by the database's clock.
 * - At most one run of a thread is `running`. Only `acceptRun`, `finishRun`, `reapRuns`, `retryRun` and
 *   `requestCancel` change the status of a run; no lock is held between them.
 *
 * Times are UTC with microseconds, such as `2026-11-24T01:02:03.000004Z`.
 */
export interface Store
  extends
    ThreadStore,
    RunStore,
    ChainStore,
    FileRecords,
    OutboxStore,
    InstanceStore,
    AsyncDisposable {
  /** The kind of the database and where it is, for messages to people; without a password. */
  readonly description: string;
  /** A warning for the person who opens it. */
  readonly notice?: string | undefined;
  /** Whether several processes may work on it at once, so that a run may have to be followed from another one. */
  readonly shared: boolean;
  /** Where files are kept by default: with the database. It is closed with the store. */
  readonly fileStore: FileStore;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /**
   * Removes what is older than it may be, and goes on with an erasure that was interrupted. It removes
   * a bounded amount, so call it again while there is more. Several processes may do so at once.
   */
  purge(limits: PurgeLimits): Promise<PurgeResult>;
  /** Closes all connections. It may be called twice. */
  close(): Promise<void>;
}

/** How old things may get, in milliseconds. What is left out is kept. */
export interface PurgeLimits {
  /** Threads without an event or an active run for so long, with all that belongs to them. */
  readonly idleThreadsMs?: number;
  /** Rows of finished runs; the events that the runs sent stay. */
  readonly finishedRunsMs: number;
  /** The progress of finished runs. */
  readonly progressMs: number;
  /** How many threads and how many runs to remove at most. */
  readonly batch: number;
}

/** What a purge removed. */
export interface PurgeResult {
  readonly threadIds: readonly string[];
  readonly runs: number;
  /** Whether there may be more to remove. */
  readonly more: boolean;
}
