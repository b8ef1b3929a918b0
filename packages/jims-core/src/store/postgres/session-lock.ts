import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import type { Database } from './database.ts';

/** The payload of a notification by which a process only hears whether it hears. */
export const PROBE = 'probe';
/** How long a notification of our own may take; behind a pooler that lends connections it never comes. */
const HEARD_MS = 5000;
/** A connection that is not used for long may be dropped on its way, without a word to either side. */
const PROBE_MS = 10_000;
/** How long a lock must be free before its process is taken for dead: meanwhile it may connect again. */
const FREE_MS = 1000;
/** How soon a process says again that it has no lock, when the database did not answer; less than `FREE_MS`. */
const FORGET_MS = 500;

/** The lock of a process, which PostgreSQL frees when its connection ends. */
const LOCK = `hashtextextended('jims:' || instance_id, 0)`;

export interface SessionLockOptions {
  readonly db: Database;
  readonly instanceId: string;
  readonly channel: string;
  /** Aborts when the process stops to listen. */
  readonly closing: AbortSignal;
  /** Called when the lock cannot be taken, although the connection is there. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Shows that a process lives by a lock of the connection on which it listens: when the process dies, the
 * others know at once, before its lease runs out. It is held only on a connection of the process's own: a
 * PgBouncer that lends connections by transaction would free it while the process lives.
 *
 * @param client Listens to `channel` by now.
 */
export async function holdLock(
  client: Client,
  { db, instanceId, channel, closing, onFailure }: SessionLockOptions,
): Promise<void> {
  const heard = Promise.withResolvers<boolean>();
  const isEnded = new AbortController();
  client.on('notification', ({ payload }) => payload === PROBE && heard.resolve(true));
  let lock: KnownLock | undefined;
  // It goes on without a lock until it is connected again.
  const goOn = (): void => {
    if (lock) void forgetLock(db, instanceId, lock, closing);
  };
  client.on('end', () => {
    isEnded.abort();
    heard.resolve(false);
    goOn();
  });
  const late = sleep(HEARD_MS, false, { ref: false, signal: isEnded.signal }).catch(() => false);
  try {
    await db.query(`select pg_notify($1, '${PROBE}')`, [channel]);
    if (!(await Promise.race([heard.promise, late]))) return;
    // PostgreSQL before 16 wants the name of the subquery.
    await client.query(
      `select pg_advisory_lock(${LOCK}) from (select $1::text as instance_id) as process`,
      [instanceId],
    );
    lock = await noteLock(db, instanceId);
    if (isEnded.signal.aborted) goOn();
    while (!isEnded.signal.aborted) {
      await sleep(PROBE_MS, undefined, { ref: false, signal: isEnded.signal });
      await client.query('select');
    }
  } catch (error) {
    // Without a lock its lease alone shows that it lives.
    if (!isEnded.signal.aborted) onFailure(error);
  }
}

/** A lock that the others know of, or may know of. */
interface KnownLock {
  /** Since when; `undefined` when the answer of the database was lost. */
  readonly since?: string | undefined;
}

/** Tells the others that the process has its lock; `undefined` when it has no lease. */
async function noteLock(db: Database, instanceId: string): Promise<KnownLock | undefined> {
  const note = `update jims.instances set locked_since = clock_timestamp() where instance_id = $1
    returning locked_since::text as since`;
  try {
    const [row] = await db.query<{ since: string }>(note, [instanceId]);
    return row;
  } catch {
    return {};
  }
}

/**
 * Others take a process for dead whose lock is free: so it says that it has none, also after an outage in which
 * it could not. A lock that it has again by then stays.
 */
async function forgetLock(
  db: Database,
  instanceId: string,
  { since }: KnownLock,
  closing: AbortSignal,
): Promise<void> {
  const forget = `update jims.instances set locked_since = null
    where instance_id = $1 and locked_since = coalesce($2::timestamptz, locked_since)`;
  const isDone = (): Promise<boolean> =>
    db.query(forget, [instanceId, since]).then(
      () => true,
      () => false,
    );
  while (!closing.aborted && !(await isDone())) {
    await sleep(FORGET_MS, undefined, { ref: false, signal: closing }).catch(() => {});
  }
}

/** Finds the processes that have died, by their locks. */
export class DeadProcesses {
  readonly #db: Database;
  /** The processes whose lock was free when this one looked, and when it first was. */
  #free = new Map<string, number>();

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Ends the leases of processes whose locks are free, once they were for a while. A lock that was taken
   * before the server was started shows nothing: the server freed it.
   */
  async endLeases(): Promise<void> {
    const rows = await this.#db.query<{ id: string }>(
      `select instance_id::text as id from jims.instances
       where locked_since > pg_postmaster_start_time() and lease_until > clock_timestamp()
         and pg_try_advisory_xact_lock(${LOCK})`,
    );
    const now = performance.now();
    this.#free = new Map(rows.map(({ id }) => [id, this.#free.get(id) ?? now]));
    const dead = [...this.#free].filter(([, since]) => now - since >= FREE_MS).map(([id]) => id);
    if (dead.length === 0) return;
    await this.#db.query(
      `update jims.instances set lease_until = clock_timestamp()
       where instance_id = any ($1::uuid[]) and locked_since > pg_postmaster_start_time()`,
      [dead],
    );
  }
}
