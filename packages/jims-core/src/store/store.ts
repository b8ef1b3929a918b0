import type { InstanceStore } from './instance-store.ts';
import type { RunStore } from './run-store.ts';
import type { ThreadStore } from './thread-store.ts';

export * from './instance-store.ts';
export * from './run-store.ts';
export * from './thread-store.ts';

/**
 * Where threads, events and runs are kept. Two stores implement it with the same promises:
 *
 * - Every method is one transaction: what it resolves with is durable, what it rejects with has
 *   left nothing behind. A database that does not answer rejects with `store_unavailable`.
 * - Events of a thread are ordered by `(createdAt, id)`. Under the thread's lock the store makes
 *   `createdAt` strictly increasing, by the database's clock.
 * - At most one run of a thread is `running`. `acceptRun`, `finishRun` and `reapRuns` are the only
 *   places where a run's status changes hands; no lock is held between them.
 */
export interface Store extends ThreadStore, RunStore, InstanceStore, AsyncDisposable {
  /** For messages to people: the kind and place of the database, without a password. */
  readonly description: string;
  /** What whoever opens it should be warned of. */
  readonly notice?: string | undefined;
  /** Whether several processes may work on it at once, so that runs are to be followed from outside. */
  readonly shared: boolean;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  /**
   * Removes what is older than it may be, and goes on with an erasure that was interrupted: a bounded
   * amount, so it is to be called again while there is more. Several processes may do so at once.
   */
  purge(limits: PurgeLimits): Promise<PurgeResult>;
  close(): Promise<void>;
}

/** Ages in milliseconds. What is left out is kept. */
export interface PurgeLimits {
  /** Threads without an event or an active run for so long, with all that belongs to them. */
  readonly idleThreadsMs?: number;
  /** Rows of finished runs; the events they sent stay. */
  readonly finishedRunsMs: number;
  /** The progress of finished runs. */
  readonly progressMs: number;
  /** How many threads and how many runs to remove at most. */
  readonly batch: number;
}

export interface PurgeResult {
  readonly threadIds: readonly string[];
  readonly runs: number;
  /** Whether there may be more to remove. */
  readonly more: boolean;
}
