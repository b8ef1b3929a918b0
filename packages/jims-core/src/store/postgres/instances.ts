import type {
  EventPosition,
  InstanceStore,
  PurgeLimits,
  PurgeResult,
  ReapResult,
} from '../store.ts';
import type { Database } from './database.ts';
import type { Hints } from './hints.ts';

export function instanceStore(db: Database, hints: Hints): InstanceStore {
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
      hints.wake(result.started);
      return result;
    },

    listen: (instanceId, wake) => hints.listen(instanceId, wake),
  };
}

/** Idle threads are looked for a part at a time: each call goes on where the one before ended. */
export function createPurge(db: Database): (limits: PurgeLimits) => Promise<PurgeResult> {
  let lookedAt: EventPosition | null = null;
  return async (limits) => {
    const { lookedAt: until, ...purged } = await db.call<
      PurgeResult & { readonly lookedAt: EventPosition | null }
    >('purge', {
      idle_ms: limits.idleThreadsMs,
      runs_ms: limits.finishedRunsMs,
      progress_ms: limits.progressMs,
      batch: limits.batch,
      look_at: LOOK_AT_THREADS,
      created_at: lookedAt?.createdAt,
      id: lookedAt?.id,
    });
    lookedAt = until;
    return purged;
  };
}

const LOOK_AT_THREADS = 2000;
