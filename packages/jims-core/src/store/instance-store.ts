import type { StartedRun } from './run-store.ts';

/** The processes that run runs. */
export interface InstanceStore {
  /** Says that a process lives: its lease ends `leaseMs` from now, by the database's clock. */
  renewLease(instanceId: string, leaseMs: number): Promise<void>;
  /** Takes a process off, so that what it still holds can be reaped at once. */
  endLease(instanceId: string): Promise<void>;
  /** Marks the runs of dead processes `failed` with code `lost` and starts who waits behind them. */
  reapRuns(): Promise<ReapResult>;
  /** Calls `wake` when another process did something to a run of this one. Only a hint: it may be lost. */
  listen(instanceId: string, wake: () => void): Promise<void>;
}

export interface ReapResult {
  /** How many runs were marked lost. */
  readonly lost: number;
  readonly started: readonly StartedRun[];
}
