import type { DatabaseSync } from 'node:sqlite';

import type { PurgeLimits, PurgeResult } from '../store.ts';
import { listParameter, storedBefore } from './columns.ts';
import type { Tables } from './tables.ts';
import { fromHex, toHex } from './uuid-hex.ts';

/**
 * What removes rows for good: threads first, then what they had, in pieces. Each method is one piece,
 * to be called inside a transaction of its own.
 */
export interface Erasing {
  /** Takes threads away, a bounded number: their active runs are fenced out, and nobody finds them. */
  takeThreads(which: { threadId: string } | { contactId: string }): readonly string[];
  /** Removes what is left of threads that were taken away; returns how many of these are done. */
  eraseSome(threadIds: readonly string[]): number;
  purge(limits: PurgeLimits): PurgeResult;
  /** Each makes an index anew, unless it is large: its pages keep copies of names that were erased. */
  readonly cleanings: readonly (() => void)[];
}

/** What is removed in one piece: a row costs some microseconds, and zeroes are written over it. */
const PIECE_ROWS = 500;
const PIECE_BYTES = 4 * 1024 * 1024;
const LOOK_AT_THREADS = 2000;
/** Making an index of so many rows anew takes some 30 ms. */
const FEW_ROWS = 10_000;
/** What people and their chats are called, and keys of requests. */
const NAMING_INDEXES = [
  { table: 'threads', index: 'ix_threads_contact_id' },
  { table: 'threads', index: 'ix_threads_external_id' },
  { table: 'threads', index: 'jims_threads_contact_order' },
  { table: 'threads', index: 'jims_threads_external' },
  { table: 'jims_runs', index: 'jims_runs_key' },
];

export function erasing(db: DatabaseSync, { threads, events }: Tables): Erasing {
  const remember = db.prepare('INSERT OR IGNORE INTO jims_erasing (thread_id) VALUES (?)');
  const forget = db.prepare('DELETE FROM jims_erasing WHERE thread_id = ?');
  const unfinished = db.prepare('SELECT thread_id FROM jims_erasing LIMIT ?');
  // One statement for each index of few rows: those of all runs by thread there are none.
  const activeRuns = [`status = 'running'`, `status = 'queued'`, 'NOT incoming_stored'].map(
    (which) => db.prepare(`DELETE FROM jims_runs WHERE thread_id = ? AND ${which}`),
  );
  const runsOfEvents = db.prepare(
    `DELETE FROM jims_runs
     WHERE thread_id = ?1 AND run_id IN (SELECT value FROM json_each(?2))`,
  );
  // The oldest are the first: no index by time is needed.
  const oldRuns = db.prepare(
    `DELETE FROM jims_runs WHERE ticket IN (
       SELECT ticket FROM (SELECT ticket, finished_at FROM jims_runs ORDER BY ticket LIMIT ?2)
       WHERE finished_at < ?1)`,
  );
  // What a page of an index gave to a new one stays on it, in its free room, and is not zeroed there.
  const cleanings = NAMING_INDEXES.map(({ table, index }) => {
    const more = db.prepare(`SELECT 1 FROM ${table} LIMIT 1 OFFSET ${FEW_ROWS}`);
    return () => {
      if (!more.get()) db.exec(`REINDEX ${index}`);
    };
  });
  /** Where the search for idle threads goes on. */
  let lookedAt = 0;

  function take(threadId: string): void {
    const id = toHex(threadId);
    remember.run(id);
    for (const statement of activeRuns) statement.run(id);
    threads.delete(threadId);
  }

  function eraseSome(threadIds: readonly string[]): number {
    let done = 0;
    const left = { rows: PIECE_ROWS, bytes: PIECE_BYTES };
    for (const threadId of threadIds) {
      const removed = events.deleteSome(threadId, { limit: left.rows, maxBytes: left.bytes });
      runsOfEvents.run(toHex(threadId), listParameter(removed.ids));
      left.rows -= removed.ids.length + 1;
      left.bytes -= removed.bytes;
      if (removed.more) break;
      forget.run(toHex(threadId));
      done++;
      if (left.rows <= 0 || left.bytes <= 0) break;
    }
    return done;
  }

  return {
    eraseSome,
    cleanings,
    takeThreads(which) {
      const ids =
        'contactId' in which
          ? threads.idsOf(which.contactId, { limit: PIECE_ROWS, maxBytes: PIECE_BYTES })
          : existing(which.threadId);
      ids.forEach(take);
      return ids;
    },
    purge({ idleThreadsMs, finishedRunsMs, batch }) {
      const left = unfinished.all(batch).map((row) => fromHex(String(row['thread_id'])));
      eraseSome(left);
      const idle = idleThreadsMs === undefined ? NONE : takeIdle(idleThreadsMs, batch);
      const { changes } = oldRuns.run(storedBefore(finishedRunsMs), batch);
      const more = left.length > 0 || idle.threadIds.length > 0 || idle.more || changes > 0;
      return { threadIds: idle.threadIds, runs: Number(changes), more };
    },
  };

  function takeIdle(ageMs: number, limit: number): Pick<PurgeResult, 'threadIds' | 'more'> {
    const { ids, last } = threads.idle(ageMs, { after: lookedAt, limit, lookAt: LOOK_AT_THREADS });
    lookedAt = last ?? 0;
    ids.forEach(take);
    return { threadIds: ids, more: last !== undefined };
  }

  function existing(threadId: string): readonly string[] {
    return threads.byId(threadId) ? [threadId] : [];
  }
}

const NONE = { threadIds: [], more: false };
