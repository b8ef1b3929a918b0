import { hash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';

/** How many messages a shelf holds: looking through it for words takes some milliseconds. */
const SHELF_MESSAGES = 8192;
const KEY_DIGITS = 8;
/** How many shelves one search looks at. */
export const MAX_SHELVES = 128;
/** This many of a contact's newest messages show which words are common. */
const NEWEST = 512;

const SQL = {
  newest: sql<readonly [shelf: number, messages: number]>(
    'SELECT shelf, messages FROM jims_shelves WHERE contact_key = ? ORDER BY shelf DESC LIMIT 1',
  ),
  full: sql<readonly [shelf: number, messages: number]>(
    `SELECT shelf, messages FROM jims_shelves WHERE contact_key = ? AND messages >= ${NEWEST}
     ORDER BY shelf DESC LIMIT 1`,
  ),
  ofContact: sql<readonly [shelf: number]>(
    'SELECT shelf FROM jims_shelves WHERE contact_key = ? ORDER BY shelf DESC LIMIT ?',
  ),
  ofAll: sql<readonly [shelf: number]>(
    'SELECT shelf FROM jims_shelves ORDER BY shelf DESC LIMIT ?',
  ),
  add: 'INSERT INTO jims_shelves (contact_key, messages) VALUES (?, 0)',
  count: 'UPDATE jims_shelves SET messages = ?2 WHERE shelf = ?1',
  removeEmpty: `DELETE FROM jims_shelves WHERE shelf = ?1 AND NOT EXISTS (
       SELECT 1 FROM jims_searched WHERE doc BETWEEN ?1 * ${SHELF_MESSAGES} AND (?1 + 1) * ${SHELF_MESSAGES} - 1)`,
};

/** The shelves that messages are put on for the search, those of a contact together. Call writes inside a transaction. */
export class Shelves {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  /** Puts messages on shelves of their contact, and gives each with its number in the search. */
  put<T>(contactId: string | null, messages: readonly T[]): readonly (readonly [number, T])[] {
    const key = contactKey(contactId);
    let [shelf, filled] = this.#sql.newest.get(key) ?? [0, SHELF_MESSAGES];
    const placed: (readonly [number, T])[] = [];
    for (const message of messages) {
      if (filled >= SHELF_MESSAGES) {
        shelf = Number(this.#sql.add.run(key).lastInsertRowid);
        filled = 0;
      }
      placed.push([shelf * SHELF_MESSAGES + filled, message]);
      filled++;
      if (filled === SHELF_MESSAGES) this.#sql.count.run(shelf, filled);
    }
    this.#sql.count.run(shelf, filled);
    return placed;
  }

  /** The newest shelves of a contact, or of all, newest first. */
  newest(contactId: string | undefined, limit: number): readonly number[] {
    const rows =
      contactId === undefined
        ? this.#sql.ofAll.all(limit)
        : this.#sql.ofContact.all(contactKey(contactId), limit);
    return rows.map(([shelf]) => shelf);
  }

  /** The first of the {@link NEWEST} messages on the newest shelf of a contact that has so many. */
  newestMessages(contactId: string): number | undefined {
    const row = this.#sql.full.get(contactKey(contactId));
    return row && row[0] * SHELF_MESSAGES + row[1] - NEWEST;
  }

  removeEmpty(shelf: number): void {
    this.#sql.removeEmpty.run(shelf);
  }
}

export function shelfOf(doc: number): number {
  return Math.floor(doc / SHELF_MESSAGES);
}

/** A number that is greater than that of each message of a shelf. */
export function endOfShelf(shelf: number): number {
  return (shelf + 1) * SHELF_MESSAGES;
}

/** What each word of a shelf begins with in the search table. */
export function shelfKey(shelf: number): string {
  return shelf.toString(36).padStart(KEY_DIGITS, '0');
}

/** Not the name itself: it would have to be erased from here, too. Two contacts may have the same key. */
function contactKey(contactId: string | null): string {
  return hash('sha256', contactId ?? '\0').slice(0, 16);
}
