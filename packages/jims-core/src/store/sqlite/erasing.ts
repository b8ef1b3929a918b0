import type { DatabaseSync } from 'node:sqlite';

import type { PurgeLimits, PurgeResult } from '../store.ts';
import { fromHex, listParameter, storedBefore, toHex } from './columns.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { Tables } from './tables.ts';

/** How much one piece removes: a row costs some microseconds, and is overwritten with zeroes. */
const PIECE_ROWS = 500;
const PIECE_BYTES = 4 * 1024 * 1024;
const LOOK_AT_THREADS = 2000;
/** Rebuilding an index of so many rows takes about 30 ms. */
const FEW_ROWS = 10_000;
/** The indexes that hold names of contacts and chats, and keys of requests. */
const NAMING_INDEXES = [
  { table: 'threads', index: 'jims_threads_contact_order' },
  { table: 'threads', index: 'jims_threads_external' },
  { table: 'jims_runs', index: 'jims_runs_key' },
];

const SQL = {
  remember: 'INSERT OR IGNORE INTO jims_erasing (thread_id) VALUES (?)',
  forget: 'DELETE FROM jims_erasing WHERE thread_id = ?',
  unfinished: sql<readonly [threadId: string]>('SELECT thread_id FROM jims_erasing LIMIT ?'),
  // One statement for each small index: there is no index of all runs by thread.
  removeRunning: `DELETE FROM jims_runs WHERE thread_id = ? AND status = 'running'`,
  removeQueued: `DELETE FROM jims_runs WHERE thread_id = ? AND status = 'queued'`,
  removeUnlogged: 'DELETE FROM jims_runs WHERE thread_id = ? AND NOT incoming_stored',
  removeRunsOfEvents: `DELETE FROM jims_runs
     WHERE thread_id = ?1 AND run_id IN (SELECT value FROM json_each(?2))`,
  // The oldest runs have the lowest tickets, so no index by time is needed.
  removeOldRuns: `DELETE FROM jims_runs WHERE ticket IN (
       SELECT ticket FROM (SELECT ticket, finished_at FROM jims_runs ORDER BY ticket LIMIT ?2)
       WHERE finished_at < ?1)`,
};

const NONE = { threadIds: [], more: false };

/**
 * Removes rows for good: first the threads, then all that belonged to them, in pieces of bounded time.
 * Call each method inside a transaction of its own.
 */
export class Erasing {
  /**
   * Each rebuilds an index, unless it is large. A page of an index that was split keeps copies of the
   * entries that moved to the new page, and these are not overwritten when they are deleted.
   */
  readonly cleanings: readonly (() => void)[];
  readonly #tables: Tables;
  readonly #sql: Statements<typeof SQL>;
  /** Where the search for idle threads goes on. */
  #lookedAt = 0;

  constructor(db: DatabaseSync, tables: Tables) {
    this.#tables = tables;
    this.#sql = prepareAll(db, SQL);
    this.cleanings = NAMING_INDEXES.map(({ table, index }) => {
      const more = db.prepare(`SELECT 1 FROM ${table} LIMIT 1 OFFSET ${FEW_ROWS}`);
      return () => {
        if (!more.get()) db.exec(`REINDEX ${index}`);
      };
    });
  }

  /** Takes some threads away: nobody finds them any more, and their active runs are fenced out. */
  takeThreads(which: { threadId: string } | { contactId: string }): readonly string[] {
    const { threads } = this.#tables;
    const bounds = { limit: PIECE_ROWS, maxBytes: PIECE_BYTES };
    let ids: readonly string[];
    if ('contactId' in which) ids = threads.idsOf(which.contactId, bounds);
    else ids = threads.byId(which.threadId) ? [which.threadId] : [];
    for (const id of ids) this.#take(id);
    return ids;
  }

  /** Removes what is left of threads that were taken away; returns how many of these are done. */
  eraseSome(threadIds: readonly string[]): number {
    let done = 0;
    const left = { rows: PIECE_ROWS, bytes: PIECE_BYTES };
    for (const threadId of threadIds) {
      const bounds = { limit: left.rows, maxBytes: left.bytes };
      const removed = this.#tables.events.deleteSome(threadId, bounds);
      this.#sql.removeRunsOfEvents.run(toHex(threadId), listParameter(removed.ids));
      left.rows -= removed.ids.length + 1;
      left.bytes -= removed.bytes;
      if (removed.more) break;
      this.#sql.forget.run(toHex(threadId));
      done++;
      if (left.rows <= 0 || left.bytes <= 0) break;
    }
    return done;
  }

  purge({ idleThreadsMs, finishedRunsMs, batch }: PurgeLimits): PurgeResult {
    const rows = this.#sql.unfinished.all(batch);
    const unfinished = rows.map(([threadId]) => fromHex(threadId));
    this.eraseSome(unfinished);
    const idle = idleThreadsMs === undefined ? NONE : this.#takeIdle(idleThreadsMs, batch);
    const { changes } = this.#sql.removeOldRuns.run(storedBefore(finishedRunsMs), batch);
    const more = unfinished.length > 0 || idle.threadIds.length > 0 || idle.more || changes > 0;
    return { threadIds: idle.threadIds, runs: Number(changes), more };
  }

  #takeIdle(ageMs: number, limit: number): Pick<PurgeResult, 'threadIds' | 'more'> {
    const search = { after: this.#lookedAt, limit, lookAt: LOOK_AT_THREADS };
    const { ids, last } = this.#tables.threads.idle(ageMs, search);
    this.#lookedAt = last ?? 0;
    for (const id of ids) this.#take(id);
    return { threadIds: ids, more: last !== undefined };
  }

  #take(threadId: string): void {
    const id = toHex(threadId);
    const { remember, removeRunning, removeQueued, removeUnlogged } = this.#sql;
    for (const statement of [remember, removeRunning, removeQueued, removeUnlogged]) {
      statement.run(id);
    }
    this.#tables.threads.delete(threadId);
  }
}
