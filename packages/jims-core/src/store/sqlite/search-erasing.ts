import type { DatabaseSync } from 'node:sqlite';

import { searchWords } from '../search-words.ts';
import { BEGINNING_OF_DATA, messageBeginning } from './message-beginning.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { shelved } from './search.ts';
import { shelfOf } from './shelves.ts';
import type { Shelves } from './shelves.ts';

/** How many messages one piece removes: each takes about 0.2 ms, as its words are overwritten one by one. */
const PIECE_MESSAGES = 50;
/** Rewriting the index of so many messages takes about 50 ms. */
const FEW_MESSAGES = 10_000;

const SQL = {
  some: sql<readonly [doc: number, data: string | null]>(`SELECT s.doc, ${BEGINNING_OF_DATA}
     FROM jims_activity a JOIN jims_searched s ON s.thread_no = a.thread_no
     LEFT JOIN thread_events e ON e.thread_id = a.thread_id AND e.event_id = s.event_id
     WHERE a.thread_id = ? ORDER BY s.doc LIMIT ${PIECE_MESSAGES}`),
  removeWords: `INSERT INTO jims_search (jims_search, rowid, words) VALUES ('delete', ?, ?)`,
  remove: 'DELETE FROM jims_searched WHERE doc = ?',
  forget: 'DELETE FROM jims_activity WHERE thread_id = ? AND standing = 2',
  isLarge: sql<readonly [1]>(`SELECT 1 FROM jims_searched LIMIT 1 OFFSET ${FEW_MESSAGES}`),
  rewrite: `INSERT INTO jims_search (jims_search) VALUES ('optimize')`,
};

/** Removes what the search knows of threads. Call its methods inside a transaction. */
export class SearchErasing {
  readonly #sql: Statements<typeof SQL>;
  readonly #shelves: Shelves;

  constructor(db: DatabaseSync, shelves: Shelves) {
    this.#sql = prepareAll(db, SQL);
    this.#shelves = shelves;
  }

  /**
   * Removes some of a thread's messages, given by its id as it is stored, and returns how many. Their events
   * must still be there: FTS5 keeps no text, so it removes the words that it is given.
   */
  removeSome(thread: string): number {
    const rows = this.#sql.some.all(thread);
    for (const [doc, data] of rows) {
      const words = searchWords(messageBeginning(data)?.content ?? '');
      if (words.length > 0) this.#sql.removeWords.run(doc, shelved(words, shelfOf(doc)));
      this.#sql.remove.run(doc);
    }
    for (const shelf of new Set(rows.map(([doc]) => shelfOf(doc))))
      this.#shelves.removeEmpty(shelf);
    return rows.length;
  }

  /** Forgets a thread, given as it is stored, when all of its messages are removed. */
  forget(thread: string): void {
    this.#sql.forget.run(thread);
  }

  /** Rewrites the index, unless it is large: its inner pages may keep beginnings of words. */
  clean(): void {
    if (!this.#sql.isLarge.get()) this.#sql.rewrite.run();
  }
}
