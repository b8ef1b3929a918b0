import type { StartedRun } from './run-store.ts';

/** The processes that run runs. */
export interface InstanceStore {
  /** Records that a process lives: its lease ends `leaseMs` from now, by the database's clock. */
  renewLease(instanceId: string, leaseMs: number): Promise<void>;
  /** Ends the lease of a process, so that the runs that it still has can be reaped at once. */
  endLease(instanceId: string): Promise<void>;
  /** Marks the runs of dead processes `failed` with code `lost`, and starts those that wait after them. */
  reapRuns(): Promise<ReapResult>;
  /** Calls `wake` when another process did something to a run of this one. Only a hint: it may be lost. */
  listen(instanceId: string, wake: () => void): Promise<void>;
}

/** What was done for dead processes. */
export interface ReapResult {
  /** How many runs were marked lost. */
  readonly lost: number;
  /** The runs that were waiting after them. */
  readonly started: readonly StartedRun[];
}
