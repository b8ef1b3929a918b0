import type { DatabaseSync } from 'node:sqlite';

import { queryWords } from '../search-words.ts';
import type { QueryWords } from '../search-words.ts';
import type { ThreadList, ThreadQuery } from '../store.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { NUMBER } from './search.ts';
import { MAX_SHELVES, NEWEST, shelfKey, shelfOf } from './shelves.ts';
import type { Shelves } from './shelves.ts';
import type { ThreadLists } from './thread-list.ts';

/** Words are common that so many of the {@link NEWEST} messages of a contact have. */
const COMMON = 64;
/** How many messages are looked at before the search is left to the whole index. */
const LOOK_AT = 100;
/** How many words one beginning may stand for. */
const MAX_ENDINGS = 4;

const SQL = {
  newest: sql<readonly [count: number]>(`SELECT count(*) FROM (
       SELECT 1 FROM jims_search WHERE jims_search MATCH ? AND rowid >= ${NUMBER} LIMIT ${COMMON})`),
  docsOf: sql<readonly [doc: number]>(`SELECT doc FROM jims_searched
     WHERE thread_no = (SELECT thread_no FROM jims_activity WHERE thread_id = ?)
     ORDER BY doc DESC LIMIT ?`),
  has: sql<readonly [1]>(
    `SELECT 1 FROM jims_search WHERE jims_search MATCH ? AND rowid = ${NUMBER}`,
  ),
  // In the order of the index: a word after the other.
  nextWord: sql<readonly [word: string]>(
    'SELECT term FROM temp.jims_search_words WHERE term >= ? AND term < ? LIMIT 1',
  ),
};

/**
 * Searches for words that very many messages of a contact have. The newest threads are looked at one after the
 * other, as in a list; to get all messages with such a word from the index takes ten times as long.
 */
export class CommonWords {
  readonly #sql: Statements<typeof SQL>;
  readonly #shelves: Shelves;
  readonly #lists: ThreadLists;

  constructor(db: DatabaseSync, shelves: Shelves, lists: ThreadLists) {
    db.exec(
      `CREATE VIRTUAL TABLE temp.jims_search_words USING fts5vocab('main', 'jims_search', 'instance')`,
    );
    this.#sql = prepareAll(db, SQL);
    this.#shelves = shelves;
    this.#lists = lists;
  }

  /** The threads of a list with a message that has the words; `undefined` when the whole index is to be asked. */
  list(text: string, query: ThreadQuery): ThreadList | undefined {
    const { contactId } = query;
    const words = queryWords(text);
    if (!words || contactId === undefined || isFiltered(query)) return undefined;
    if (!this.#areCommon(words, contactId)) return undefined;
    const look = new Look(this.#sql, words, this.#shelves.newest(contactId, MAX_SHELVES));
    return this.#lists.walk(query, (threadId) => look.finds(threadId));
  }

  #areCommon({ whole, beginning }: QueryWords, contactId: string): boolean {
    const since = this.#shelves.newestMessages(contactId);
    if (since === undefined) return false;
    const match = matchOf({ whole, endings: [beginning] }, shelfOf(since));
    return this.#sql.newest.get(match, since)?.[0] === COMMON;
  }
}

/** Few of all threads may pass such a filter. */
function isFiltered({ externalId, feedback, waiting, order = 'activity' }: ThreadQuery): boolean {
  return (
    order !== 'activity' ||
    externalId !== undefined ||
    feedback !== undefined ||
    waiting !== undefined
  );
}

/** One look for words in threads, in a number of messages. */
class Look {
  readonly #sql: Statements<typeof SQL>;
  readonly #words: QueryWords;
  readonly #shelves: ReadonlySet<number>;
  readonly #endings = new Map<number, readonly string[]>();
  #left = LOOK_AT;

  /** @param shelves Those that a search looks at. */
  constructor(sql: Statements<typeof SQL>, words: QueryWords, shelves: readonly number[]) {
    this.#sql = sql;
    this.#words = words;
    this.#shelves = new Set(shelves);
  }

  /** Whether a thread has a message with the words; `undefined` when that takes too long to find out. */
  finds(threadId: string): boolean | undefined {
    const docs = this.#sql.docsOf.all(threadId, this.#left).map(([doc]) => doc);
    this.#left -= docs.length;
    // Nearly always the last word is typed to its end, and then few messages have to be looked at again.
    const { whole, beginning } = this.#words;
    if (docs.some((doc) => this.#has(doc, { whole, endings: [beginning] }))) return true;
    if (this.#left === 0) return undefined;
    for (const doc of docs) {
      const endings = this.#endingsOn(shelfOf(doc));
      if (endings.length > MAX_ENDINGS) return undefined;
      if (endings.length > 0 && this.#has(doc, { whole, endings })) return true;
    }
    return false;
  }

  #has(doc: number, words: SomeWords): boolean {
    const shelf = shelfOf(doc);
    return this.#shelves.has(shelf) && this.#sql.has.get(matchOf(words, shelf), doc) !== undefined;
  }

  /** What the last word may be besides what was typed of it, on a shelf: one more than may be, at most. */
  #endingsOn(shelf: number): readonly string[] {
    const known = this.#endings.get(shelf);
    if (known) return known;
    const endings: string[] = [];
    const key = shelfKey(shelf);
    const end = key + this.#words.beginning + LAST;
    let last = key + this.#words.beginning;
    while (endings.length <= MAX_ENDINGS) {
      const next = this.#sql.nextWord.get(last + FIRST, end)?.[0];
      if (next === undefined) break;
      endings.push(next.slice(key.length));
      last = next;
    }
    this.#endings.set(shelf, endings);
    return endings;
  }
}

/** No word has such a character: one before all that words have, and one after them. */
const FIRST = '\u0001';
const LAST = '\u{10ffff}';

/** All of these words, and one of the endings. */
interface SomeWords {
  readonly whole: readonly string[];
  readonly endings: readonly string[];
}

/** Words have letters and digits alone: nothing in them has a meaning for FTS5. */
function matchOf({ whole, endings }: SomeWords, shelf: number): string {
  const quoted = (word: string): string => `"${shelfKey(shelf)}${word}"`;
  return [...whole.map(quoted), `(${endings.map(quoted).join(' OR ')})`].join(' AND ');
}
