import type { DatabaseSync } from 'node:sqlite';

import type { PurgeLimits, PurgeResult } from '../store.ts';
import { storedBefore } from './columns.ts';
import type { Tables } from './tables.ts';
import { toHex } from './uuid-hex.ts';

/** What removes rows for good. Each method is to be called inside a transaction of its own. */
export interface Erasing {
  deleteThreads(which: { threadId: string } | { contactId: string }): readonly string[];
  purge(limits: PurgeLimits): PurgeResult;
}

export function erasing(db: DatabaseSync, { threads, events }: Tables): Erasing {
  const deleteRuns = db.prepare(
    `DELETE FROM jims_runs WHERE thread_id = ?1
       AND run_id IN (SELECT event_id FROM thread_events WHERE thread_id = ?1)`,
  );
  const deleteUnlogged = db.prepare(
    'DELETE FROM jims_runs WHERE thread_id = ? AND NOT incoming_stored',
  );
  // The oldest are the first: no index by time is needed.
  const deleteOldRuns = db.prepare(
    `DELETE FROM jims_runs WHERE ticket IN (
       SELECT ticket FROM (SELECT ticket, finished_at FROM jims_runs ORDER BY ticket LIMIT ?2)
       WHERE finished_at < ?1)`,
  );

  function deleteThread(threadId: string): void {
    deleteRuns.run(toHex(threadId));
    deleteUnlogged.run(toHex(threadId));
    events.deleteOf(threadId);
    threads.delete(threadId);
  }

  return {
    deleteThreads(which) {
      const ids = 'contactId' in which ? threads.idsOf(which.contactId) : existing(which.threadId);
      ids.forEach(deleteThread);
      return ids;
    },
    purge({ idleThreadsMs, finishedRunsMs, batch }) {
      const idle = idleThreadsMs === undefined ? [] : threads.idle(idleThreadsMs, batch);
      idle.forEach(deleteThread);
      const { changes } = deleteOldRuns.run(storedBefore(finishedRunsMs), batch);
      return { threadIds: idle, runs: Number(changes) };
    },
  };

  function existing(threadId: string): readonly string[] {
    return threads.byId(threadId) ? [threadId] : [];
  }
}
