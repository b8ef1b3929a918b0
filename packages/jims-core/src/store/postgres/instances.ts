import type { InstanceStore, ReapResult } from '../instance-store.ts';
import type { PurgeLimits, PurgeResult } from '../store.ts';
import type { EventPosition } from '../thread-store.ts';
import type { Database } from './database.ts';
import type { Notifications } from './notifications.ts';

/** How many threads one purge looks at to find idle ones. */
const LOOK_AT_THREADS = 2000;

/** The processes that run runs. */
export function instanceStore(db: Database, notifications: Notifications): InstanceStore {
  return {
    async renewLease(instanceId, leaseMs) {
      await db.query(
        `insert into jims.instances (instance_id, lease_until)
         values ($1, clock_timestamp() + $2 * interval '1 millisecond')
         on conflict (instance_id) do update set lease_until = excluded.lease_until`,
        [instanceId, leaseMs],
      );
    },

    async endLease(instanceId) {
      await db.query('delete from jims.instances where instance_id = $1', [instanceId]);
    },

    async reapRuns() {
      const result = await db.call<ReapResult>('reap_runs', {});
      notifications.notify(result.started);
      return result;
    },

    listen: (instanceId, wake) => notifications.listen(instanceId, wake),
  };
}

/** Removes what is old. Idle threads are looked for a part at a time: each purge goes on where the one before ended. */
export class Purge {
  readonly #db: Database;
  #lookedAt: EventPosition | null = null;

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
    return purged;
  }
}
