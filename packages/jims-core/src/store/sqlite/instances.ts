import type { DatabaseSync } from 'node:sqlite';

/**
 * The time by which leases are measured. It runs on when the clock is set, so that the runs of a
 * living process are not taken for lost by that; other processes do not use the file meanwhile.
 */
export function leaseClock(): number {
  return Math.round(performance.timeOrigin + performance.now());
}

/** The rows of `jims_instances`: which processes live. Writes are to be called inside a transaction. */
export interface InstanceRows {
  renewLease(instanceId: string, leaseMs: number): void;
  endLease(instanceId: string): void;
  /** Leaves all as it is, but a page is written: there is room, and the file takes it. */
  tryWriting(): void;
}

const TRIAL = 'trial';

export function instanceRows(db: DatabaseSync): InstanceRows {
  const renew = db.prepare(
    `INSERT INTO jims_instances (instance_id, lease_until) VALUES (?1, ?2)
     ON CONFLICT (instance_id) DO UPDATE SET lease_until = ?2`,
  );
  const end = db.prepare('DELETE FROM jims_instances WHERE instance_id = ?');
  return {
    renewLease: (instanceId, leaseMs) => void renew.run(instanceId, leaseClock() + leaseMs),
    endLease: (instanceId) => void end.run(instanceId),
    tryWriting() {
      renew.run(TRIAL, 0);
      end.run(TRIAL);
    },
  };
}
