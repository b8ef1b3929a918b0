import type { DatabaseSync } from 'node:sqlite';

import { hasWords, searchWords } from '../search-words.ts';
import type { QueryWords } from '../search-words.ts';
import type { ThreadList, ThreadQuery } from '../store.ts';
import { BEGINNING_OF_DATA, messageBeginning } from './message-beginning.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { NUMBER, matchOf } from './search.ts';
import { MAX_SHELVES, shelfOf } from './shelves.ts';
import type { Shelves } from './shelves.ts';
import type { ThreadLists } from './thread-list.ts';

/** Words are common that so many of a contact's newest messages have. */
const COMMON = 64;
/** How much is looked at before the search is left to the index: some milliseconds. */
const LOOK_AT_MESSAGES = 100;
const LOOK_AT_CHARS = 64 * 1024;

const SQL = {
  newest: sql<readonly [count: number]>(`SELECT count(*) FROM (
       SELECT 1 FROM jims_search WHERE jims_search MATCH ? AND rowid >= ${NUMBER} LIMIT ${COMMON})`),
  messages: sql<readonly [doc: number, data: string | null]>(`SELECT s.doc, ${BEGINNING_OF_DATA}
     FROM jims_searched s CROSS JOIN thread_events e ON e.thread_id = ?1 AND e.event_id = s.event_id
     WHERE s.thread_no = (SELECT thread_no FROM jims_activity WHERE thread_id = ?1) ORDER BY s.doc DESC`),
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
    this.#sql = prepareAll(db, SQL);
    this.#shelves = shelves;
    this.#lists = lists;
  }

  /** The threads of a list with a message that has the words; `undefined` when the index is to be asked. */
  list(words: QueryWords, query: ThreadQuery): ThreadList | undefined {
    const { contactId } = query;
    if (contactId === undefined || isFiltered(query)) return undefined;
    if (!this.#areCommon(words, contactId)) return undefined;
    const look = new Look(this.#sql, words, this.#shelves.newest(contactId, MAX_SHELVES));
    return this.#lists.walk(query, (threadId) => look.finds(threadId));
  }

  #areCommon(words: QueryWords, contactId: string): boolean {
    const since = this.#shelves.newestMessages(contactId);
    if (since === undefined) return false;
    // The last word is mostly typed to its end: to look for one word takes less than for all that begin so.
    const whole = { whole: [...words.whole, words.beginning] };
    return [whole, words].some(
      (each) => this.#sql.newest.get(matchOf(each, shelfOf(since)), since)?.[0] === COMMON,
    );
  }
}

/** Few of all threads may pass such a filter. */
function isFiltered({ externalId, feedback, waiting, order = 'activity' }: ThreadQuery): boolean {
  return (
    [externalId, feedback, waiting].some((filter) => filter !== undefined) || order !== 'activity'
  );
}

/** One look for words in threads. */
class Look {
  readonly #sql: Statements<typeof SQL>;
  readonly #words: QueryWords;
  readonly #shelves: ReadonlySet<number>;
  #messages = LOOK_AT_MESSAGES;
  #chars = LOOK_AT_CHARS;

  /** @param shelves Those that a search looks at. */
  constructor(statements: Statements<typeof SQL>, words: QueryWords, shelves: readonly number[]) {
    this.#sql = statements;
    this.#words = words;
    this.#shelves = new Set(shelves);
  }

  /** Whether a thread has a message with the words; `undefined` when that takes too long to find out. */
  finds(threadId: string): boolean | undefined {
    for (const [doc, data] of this.#sql.messages.iterate(threadId)) {
      if (this.#messages-- === 0 || this.#chars <= 0) return undefined;
      this.#chars -= data?.length ?? 0;
      const said = searchWords(messageBeginning(data)?.content ?? '');
      if (this.#shelves.has(shelfOf(doc)) && hasWords(said, this.#words)) return true;
    }
    return false;
  }
}
