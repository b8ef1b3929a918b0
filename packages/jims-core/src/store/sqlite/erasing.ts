import type { DatabaseSync } from 'node:sqlite';

import type { PurgeLimits, PurgeResult } from '../store.ts';
import { fromHex, listParameter, toHex } from './columns.ts';
import { FinishedRuns } from './finished-runs.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { Tables } from './tables.ts';

/** How much one piece removes: a row costs some microseconds, and is overwritten with zeroes. */
const PIECE_ROWS = 500;
const PIECE_BYTES = 4 * 1024 * 1024;
/** What a message of the search costs, in rows. */
const SEARCH_ROWS = 10;
const LOOK_AT_THREADS = 2000;
/** Rebuilding an index of so many rows takes about 30 ms. */
const FEW_ROWS = 10_000;
/** The indexes that hold names of contacts and chats, and keys of requests. */
const NAMING_INDEXES = [
  { table: 'threads', index: 'jims_threads_contact_order' },
  { table: 'threads', index: 'jims_threads_external' },
  { table: 'jims_activity', index: 'jims_activity_contact' },
  { table: 'jims_activity', index: 'jims_activity_contact_is_waiting' },
  { table: 'jims_activity', index: 'jims_activity_contact_has_up' },
  { table: 'jims_activity', index: 'jims_activity_contact_has_down' },
  { table: 'jims_files', index: 'jims_files_contact' },
  { table: 'jims_subscriptions', index: 'jims_subscriptions_chain' },
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
  // Chains that no event leads to: the run that began them has no event, or has not stored it.
  rememberChains: `INSERT OR IGNORE INTO jims_erasing_chains (thread_id, chain_id)
     SELECT thread_id, run_id FROM jims_runs WHERE thread_id = ? AND NOT incoming_stored`,
  chainsOf: sql<readonly [chainId: string]>(
    'SELECT chain_id FROM jims_erasing_chains WHERE thread_id = ?',
  ),
  forgetChains: 'DELETE FROM jims_erasing_chains WHERE thread_id = ?',
  removeRunsOfEvents: `DELETE FROM jims_runs
     WHERE thread_id = ?1 AND run_id IN (SELECT value FROM json_each(?2))`,
};

/** How much one piece may still remove. */
interface Room {
  rows: number;
  bytes: number;
}

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
  readonly #finished: FinishedRuns;
  readonly #sql: Statements<typeof SQL>;
  /** Where the search for idle threads goes on. */
  #lookedAt = 0;

  constructor(db: DatabaseSync, tables: Tables) {
    this.#tables = tables;
    this.#finished = new FinishedRuns(db, tables);
    this.#sql = prepareAll(db, SQL);
    const indexes = NAMING_INDEXES.map(({ table, index }) => {
      const more = db.prepare(`SELECT 1 FROM ${table} LIMIT 1 OFFSET ${FEW_ROWS}`);
      return () => {
        if (!more.get()) db.exec(`REINDEX ${index}`);
      };
    });
    this.cleanings = [...indexes, () => tables.searchErasing.clean()];
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

  /** Marks some files of a contact as to be erased; returns how many. */
  takeFiles(contactId: string): number {
    return this.#tables.files.eraseSomeOf({ contactId }, PIECE_ROWS);
  }

  /** Removes what is left of threads that were taken away; returns how many of these are done. */
  eraseSome(threadIds: readonly string[]): number {
    let done = 0;
    const left: Room = { rows: PIECE_ROWS, bytes: PIECE_BYTES };
    for (const threadId of threadIds) {
      if (!this.#eraseThread(threadId, left)) break;
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
    const runs = this.#finished.removeOld(finishedRunsMs, batch);
    const journals = this.#finished.removeJournals({ rows: PIECE_ROWS, bytes: PIECE_BYTES });
    const isMore = unfinished.length > 0 || idle.threadIds.length > 0 || idle.more || runs > 0;
    return { threadIds: idle.threadIds, runs, more: isMore || journals.more };
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
    const { remember, rememberChains, removeRunning, removeQueued, removeUnlogged } = this.#sql;
    for (const statement of [
      remember,
      rememberChains,
      removeRunning,
      removeQueued,
      removeUnlogged,
    ]) {
      statement.run(id);
    }
    this.#tables.questions.removeOpen(threadId);
    this.#tables.threads.delete(threadId);
  }

  /** Removes what is left of a thread, as far as there is room; returns whether that is all. */
  #eraseThread(threadId: string, left: Room): boolean {
    const { events, searchErasing } = this.#tables;
    const id = toHex(threadId);
    left.rows -= 1 + this.#eraseSide(threadId, Math.max(1, left.rows));
    const unlogged = this.#sql.chainsOf.all(id).map(([chainId]) => chainId);
    if (left.rows <= 0 || !this.#eraseJournals(unlogged, left)) return false;
    // The search goes before the events, whose words it has to be given.
    for (let count = 1; count > 0;) {
      if (left.rows <= 0) return false;
      count = searchErasing.removeSome(id);
      left.rows -= count * SEARCH_ROWS;
    }
    const some = events.someOf(threadId, { limit: left.rows, maxBytes: left.bytes });
    // The journals go first: without the events nobody would find them.
    if (!this.#eraseJournals(some.ids, left)) return false;
    events.remove(threadId, some.ids);
    this.#sql.removeRunsOfEvents.run(id, listParameter(some.ids));
    left.rows -= some.ids.length;
    left.bytes -= some.bytes;
    if (some.more) return false;
    searchErasing.forget(id);
    this.#sql.forgetChains.run(id);
    this.#sql.forget.run(id);
    return true;
  }

  /** Removes questions, feedback and subscriptions, and marks files; returns how many rows that were. */
  #eraseSide(threadId: string, limit: number): number {
    const { questions, feedback, outbox, files } = this.#tables;
    return (
      questions.removeSome(threadId, limit) +
      feedback.removeSome(threadId, limit) +
      outbox.removeSome(threadId, limit) +
      files.eraseSomeOf({ threadId }, limit)
    );
  }

  #eraseJournals(chainIds: readonly string[], left: Room): boolean {
    if (chainIds.length === 0) return true;
    const bounds = { limit: Math.max(1, left.rows), maxBytes: Math.max(1, left.bytes) };
    const { rows, bytes, more } = this.#tables.journal.deleteSome(chainIds, bounds);
    left.rows -= rows;
    left.bytes -= bytes;
    return !more;
  }
}
