import { DatabaseSync } from 'node:sqlite';

import type { InstanceInfo } from '../store.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

/**
 * The time by which leases are measured. It goes on evenly when the machine's clock is set, so that the
 * runs of a living process are not taken for lost; only one process works on the file.
 */
export function leaseClock(): number {
  return Math.round(performance.timeOrigin + performance.now());
}

const SQL = {
  renew: `INSERT INTO jims_instances (instance_id, lease_until) VALUES (?1, ?2)
     ON CONFLICT (instance_id) DO UPDATE SET lease_until = ?2`,
  describe: `UPDATE jims_instances SET version = ?2, durable = ?3, draining = ?4
     WHERE instance_id = ?1
       AND (version, durable, draining) IS NOT (?2, ?3, ?4)`,
  versions: sql<readonly [version: string]>(
    `SELECT DISTINCT version FROM jims_instances
     WHERE lease_until > ? AND durable AND NOT draining AND version IS NOT NULL`,
  ),
  end: 'DELETE FROM jims_instances WHERE instance_id = ?',
};

const TRIAL = 'trial';

/** The rows of `jims_instances`: the living processes. Call writes inside a transaction. */
export class InstanceRows {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  renewLease(instanceId: string, leaseMs: number, about?: InstanceInfo): void {
    this.#sql.renew.run(instanceId, leaseClock() + leaseMs);
    if (!about) return;
    const { version = null, durable, draining } = about;
    this.#sql.describe.run(instanceId, version, Number(durable), Number(draining));
  }

  /** The versions of the living processes that recover durable runs. */
  versions(): ReadonlySet<string> {
    return new Set(this.#sql.versions.all(leaseClock()).map(([version]) => version));
  }

  endLease(instanceId: string): void {
    this.#sql.end.run(instanceId);
  }

  /** Changes nothing, but writes a page: it shows that the file takes writes and the disk has room. */
  tryWriting(): void {
    this.#sql.renew.run(TRIAL, 0);
    this.#sql.end.run(TRIAL);
  }
}

/**
 * Forgets all processes that a file knows when no program has it open: they are dead. Their leases may
 * say otherwise after the clock was set back. A program that has the file open holds a lock on it, which
 * the system releases when the program ends.
 */
export function forgetDeadInstances(file: string): void {
  let alone: DatabaseSync | undefined;
  try {
    alone = new DatabaseSync(file, { timeout: 0 });
    alone.exec('PRAGMA locking_mode = EXCLUSIVE; DELETE FROM jims_instances');
  } catch {
    // Another program has it open, it is new, or it cannot be used: then opening it for good says so.
  } finally {
    alone?.close();
  }
}

const OTHERS =
  'Another process works on this SQLite file. It is for one process: give each its own file, or use PostgreSQL';

/** The warning for a file that another living process works on. */
export function noticeOfOthers(db: DatabaseSync): string | undefined {
  const living = db.prepare('SELECT 1 FROM jims_instances WHERE lease_until > ? LIMIT 1');
  return living.get(leaseClock()) ? OTHERS : undefined;
}
