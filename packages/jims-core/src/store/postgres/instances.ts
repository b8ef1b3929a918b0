import type { InstanceStore, ReapResult } from '../instance-store.ts';
import type { PurgeLimits, PurgeResult } from '../store.ts';
import type { EventPosition } from '../thread-store.ts';
import { toTakenRun } from './chains.ts';
import type { TakenRow } from './chains.ts';
import type { Database } from './database.ts';
import type { Notifications } from './notifications.ts';
import { DeadProcesses } from './session-lock.ts';

/** How many threads one purge looks at to find idle ones. */
const LOOK_AT_THREADS = 2000;
/** How many chains one purge looks at to find those that are over. */
const LOOK_AT_CHAINS = 1000;
/** After how many results one purge goes on next time. */
const PURGE_ENTRIES = 2000;

/** The processes that run runs. */
export function instanceStore(db: Database, notifications: Notifications): InstanceStore {
  const deadProcesses = new DeadProcesses(db);
  return {
    async renewLease(instanceId, leaseMs, about) {
      await db.query(
        // A version that is null belongs to a process that knows nothing of chains.
        `insert into jims.instances as i (instance_id, lease_until, version, durable, draining)
         values ($1, clock_timestamp() + $2 * interval '1 millisecond',
                 coalesce($3, ''), coalesce($4, false), coalesce($5, false))
         on conflict (instance_id) do update
         set lease_until = excluded.lease_until, version = coalesce($3, i.version),
             durable = coalesce($4, i.durable), draining = coalesce($5, i.draining)`,
        [instanceId, leaseMs, about?.version, about?.durable, about?.draining],
      );
    },

    async endLease(instanceId) {
      await db.query('delete from jims.instances where instance_id = $1', [instanceId]);
    },

    async reapRuns(request) {
      await deadProcesses.endLeases();
      const { recovered, ...result } = await db.call<
        Omit<ReapResult, 'recovered'> & { readonly recovered: readonly TakenRow[] }
      >('reap_runs', {
        instance_id: request?.instanceId,
        recovers: request?.recovers ?? 'none',
        places: request?.places ?? 0,
        suspects: request?.suspects ?? 0,
        version: request?.version,
      });
      notifications.notify(result.started);
      return { ...result, recovered: recovered.map(toTakenRun) };
    },

    listen: (instanceId, wake) => notifications.listen(instanceId, wake),
  };
}

/**
 * Removes what is old. Idle threads, and chains that are over, are looked for a part at a time: each purge
 * goes on where the one before ended.
 */
export class Purge {
  readonly #db: Database;
  #lookedAt: EventPosition | null = null;
  #lastChain: string | null = null;

  constructor(db: Database) {
    this.#db = db;
  }

  async run(limits: PurgeLimits): Promise<PurgeResult> {
    const { lookedAt, ...purged } = await this.#db.call<
      PurgeResult & { readonly lookedAt: EventPosition | null }
    >('purge', {
      idle_ms: limits.idleThreadsMs,
      runs_ms: limits.finishedRunsMs,
      progress_ms: limits.progressMs,
      batch: limits.batch,
      look_at: LOOK_AT_THREADS,
      created_at: this.#lookedAt?.createdAt,
      id: this.#lookedAt?.id,
    });
    this.#lookedAt = lookedAt;
    this.#lastChain = await this.#db.call<string | null>('purge_chains', {
      after: this.#lastChain,
      look_at: LOOK_AT_CHAINS,
      limit: PURGE_ENTRIES,
    });
    const forgets = await this.#db.call<boolean>('forget_threads', { limit: PURGE_ENTRIES });
    return { ...purged, more: purged.more || this.#lastChain !== null || forgets };
  }
}
