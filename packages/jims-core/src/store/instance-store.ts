import type { RecoveredRun } from './chain-store.ts';
import type { StartedRun } from './run-store.ts';

/** The processes that run runs. */
export interface InstanceStore {
  /** Records that a process lives: its lease ends `leaseMs` from now, by the database's clock. */
  renewLease(instanceId: string, leaseMs: number, about?: InstanceInfo): Promise<void>;
  /** Ends the lease of a process, so that the runs that it still has can be reaped at once. */
  endLease(instanceId: string): Promise<void>;
  /**
   * Does what nobody else does. Runs of dead processes that are not durable are marked `failed` with code
   * `lost`, and those that wait after them are started. Questions whose time is over expire. Durable runs of
   * dead processes and of `NOBODY` are given to this process, as far as it takes them.
   */
  reapRuns(request?: ReapRequest): Promise<ReapResult>;
  /** Calls `wake` when another process did something to a run of this one. Only a hint: it may be lost. */
  listen(instanceId: string, wake: () => void): Promise<void>;
}

/** What is known of a process beside its lease. */
export interface InstanceInfo {
  /** The app's version. */
  readonly version?: string;
  /** Whether it recovers durable runs. */
  readonly durable: boolean;
  /** Whether it is about to end: it takes nothing more. */
  readonly draining: boolean;
}

/** Which durable runs a process takes. */
export interface ReapRequest {
  readonly instanceId: string;
  /**
   * `all` durable runs; only those that have `continued` a chain, the others being lost with their
   * processes; or `none`, and then no question expires.
   */
  readonly recovers: 'all' | 'continued' | 'none';
  /** How many at most. */
  readonly places: number;
  /** How many of them may be suspects. */
  readonly suspects: number;
  /** The app's version: runs of another version are left to the living processes that have it. */
  readonly version?: string;
}

/** What was done for dead processes. */
export interface ReapResult {
  /** How many runs were marked lost. */
  readonly lost: number;
  /** The runs that were waiting after them. */
  readonly started: readonly StartedRun[];
  /** The runs that this process has now. */
  readonly recovered: readonly RecoveredRun[];
}
