import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';

import { searchWords } from '../search-words.ts';
import type { QueryWords } from '../search-words.ts';
import { storedTimeOf } from './log-reads.ts';
import { BEGINNING_OF_DATA, messageBeginning } from './message-beginning.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { MAX_SHELVES, endOfShelf, shelfKey, shelfOf } from './shelves.ts';
import type { Shelves } from './shelves.ts';
import { ALL_INDEXED } from './step-5.ts';
import { toPublicTime } from './timestamp.ts';

/** How much one piece of indexing takes: about ten milliseconds. */
const PIECE_MESSAGES = 200;
const PIECE_CHARS = 100_000;
const LOOK_AT_EVENTS = 500;
const LOOK_AT_THREADS = 200;
/** How many threads one search finds at most: those whose messages with the words are the newest. */
const MAX_FOUND = 1000;
/** How many messages are taken from a shelf at once: those of a thousand threads, mostly. */
const TAKE_DOCS = 2048;
const LOOK_UP = 500;
/** For so long a search looks at shelves before other work has its turn. */
const MAX_MS = 4;

/** A number of a message in a statement: the driver gives numbers as REAL, by which FTS5 does not look. */
export const NUMBER = 'CAST(? AS INTEGER)';

type UnindexedRow = readonly [
  threadNo: number,
  threadId: string,
  contactId: string | null,
  since: string,
  until: string,
];
type EventRow = readonly [id: string, createdAt: string, isMessage: number, data: string | null];

const SQL = {
  isAny: sql<readonly [1]>(
    `SELECT 1 FROM jims_activity WHERE unindexed_since < '${ALL_INDEXED}' LIMIT 1`,
  ),
  unindexed:
    sql<UnindexedRow>(`SELECT thread_no, thread_id, contact_id, unindexed_since, indexed_until
     FROM jims_activity WHERE unindexed_since < '${ALL_INDEXED}' LIMIT ${LOOK_AT_THREADS}`),
  events: sql<EventRow>(`SELECT event_id, created_at, event_type GLOB 'comm.*',
       CASE WHEN event_type GLOB 'comm.*' THEN ${BEGINNING_OF_DATA} END
     FROM thread_events WHERE thread_id = ? AND created_at >= ? ORDER BY created_at, event_id`),
  indexedOf: sql<readonly [eventId: string]>(
    'SELECT event_id FROM jims_searched WHERE thread_no = ?',
  ),
  mark: 'UPDATE jims_activity SET unindexed_since = ?2, indexed_until = ?3 WHERE thread_no = ?1',
  note: 'INSERT INTO jims_searched (doc, thread_no, event_id) VALUES (?, ?, ?)',
  add: 'INSERT INTO jims_search (rowid, words) VALUES (?, ?)',
  match: sql<readonly [doc: number]>(`SELECT rowid FROM jims_search
     WHERE jims_search MATCH ? AND rowid < ${NUMBER} ORDER BY rowid DESC LIMIT ${TAKE_DOCS}`),
  threadsOf: sql<readonly [threadNo: number]>(
    'SELECT DISTINCT thread_no FROM jims_searched WHERE doc IN (SELECT value FROM json_each(?))',
  ),
};

interface NewMessage {
  readonly eventId: string;
  readonly words: readonly string[];
}

/** A message that is to be found by its words. */
interface NewEntry {
  readonly doc: number;
  readonly words: string;
}

interface NextEvents {
  readonly events: readonly EventRow[];
  readonly next: string | undefined;
}

/** How much one piece may still index. */
interface Room {
  events: number;
  messages: number;
  chars: number;
}

/** What the search finds messages by. Each word is kept with the key of its shelf. */
export class MessageSearch {
  readonly #sql: Statements<typeof SQL>;
  readonly #shelves: Shelves;

  constructor(db: DatabaseSync, shelves: Shelves) {
    this.#sql = prepareAll(db, SQL);
    this.#shelves = shelves;
  }

  /** Whether there is anything to index. */
  get isBehind(): boolean {
    return this.#sql.isAny.get() !== undefined;
  }

  /** Indexes some messages; returns whether there are more. Call it inside a transaction. */
  indexSome(): boolean {
    const left: Room = { events: LOOK_AT_EVENTS, messages: PIECE_MESSAGES, chars: PIECE_CHARS };
    const entries: NewEntry[] = [];
    for (const row of this.#sql.unindexed.all()) {
      if (!hasRoom(left)) break;
      this.#indexThread(row, left, entries);
    }
    // In their order: anything else makes FTS5 write a piece of its own for each.
    for (const { doc, words } of entries.toSorted((one, other) => one.doc - other.doc)) {
      this.#sql.add.run(doc, words);
    }
    return this.isBehind;
  }

  #indexThread(row: UnindexedRow, left: Room, entries: NewEntry[]): void {
    const [threadNo, , , since, until] = row;
    const { events, next = ALL_INDEXED } = this.#nextEvents(row, left.events);
    // Another program may write events that come before others in the log, or have the same time.
    const known = new Set(
      since <= until ? this.#sql.indexedOf.all(threadNo).map(([id]) => id) : [],
    );
    const messages: NewMessage[] = [];
    let newest = until;
    let rest = next;
    for (const [eventId, createdAt, isMessage, data] of events) {
      const at = fullTime(createdAt);
      if (!hasRoom(left)) {
        rest = at;
        break;
      }
      if (at > newest) newest = at;
      if (known.has(eventId)) continue;
      left.events--;
      if (isMessage !== 1) continue;
      left.messages--;
      left.chars -= data?.length ?? 0;
      const words = wordsOf(data);
      if (words.length > 0) messages.push({ eventId, words });
    }
    this.#indexMessages(row, messages, entries);
    this.#sql.mark.run(threadNo, rest, newest);
  }

  #indexMessages(
    [threadNo, , contactId]: UnindexedRow,
    messages: readonly NewMessage[],
    entries: NewEntry[],
  ): void {
    if (messages.length === 0) return;
    for (const [doc, { eventId, words }] of this.#shelves.put(contactId, messages)) {
      this.#sql.note.run(doc, threadNo, eventId);
      entries.push({ doc, words: shelved(words, shelfOf(doc)) });
    }
  }

  /** Reads events that are not indexed, all of the first time at least, and the time of the one after them. */
  #nextEvents([, threadId, , since]: UnindexedRow, limit: number): NextEvents {
    const events: EventRow[] = [];
    for (const event of this.#sql.events.iterate(threadId, shortTime(since))) {
      const at = fullTime(event[1]);
      if (events.length >= limit && at > since) return { events, next: at };
      events.push(event);
    }
    return { events, next: undefined };
  }

  /**
   * Finds the threads with a message that has the words, by the numbers of their activity: at most a
   * thousand, those with the newest messages. Other work has its turn in between. They may be threads of
   * other contacts, too, whose key is the same.
   */
  async find(query: QueryWords, contactId: string | undefined): Promise<readonly number[]> {
    const found = new Set<number>();
    let begun = performance.now();
    for (const shelf of this.#shelves.newest(contactId, MAX_SHELVES)) {
      this.#findOn(shelf, query, found);
      if (found.size >= MAX_FOUND) break;
      if (performance.now() - begun < MAX_MS) continue;
      await setImmediate();
      begun = performance.now();
    }
    return [...found];
  }

  #findOn(shelf: number, query: QueryWords, found: Set<number>): void {
    const match = matchOf(query, shelf);
    for (let before = endOfShelf(shelf); ;) {
      const docs = this.#sql.match.all(match, before).map(([doc]) => doc);
      for (let from = 0; from < docs.length && found.size < MAX_FOUND; from += LOOK_UP) {
        const some = JSON.stringify(docs.slice(from, from + LOOK_UP));
        for (const [threadNo] of this.#sql.threadsOf.all(some)) found.add(threadNo);
      }
      const last = docs.at(-1);
      if (last === undefined || docs.length < TAKE_DOCS || found.size >= MAX_FOUND) return;
      before = last;
    }
  }
}

function wordsOf(data: string | null): readonly string[] {
  return searchWords(messageBeginning(data)?.content ?? '');
}

/** The words of a message as they are kept. */
export function shelved(words: readonly string[], shelf: number): string {
  const key = shelfKey(shelf);
  return words.map((word) => key + word).join(' ');
}

/**
 * What finds these words on a shelf. Words have letters and digits alone: nothing in them has a meaning for FTS5.
 */
export function matchOf({ whole, beginning }: WantedWords, shelf: number): string {
  const quoted = (word: string): string => `"${shelfKey(shelf)}${word}"`;
  const begun = beginning === undefined ? [] : [`${quoted(beginning)}*`];
  return [...whole.map(quoted), ...begun].join(' AND ');
}

type WantedWords = Pick<QueryWords, 'whole'> & Partial<QueryWords>;

function hasRoom({ events, messages, chars }: Room): boolean {
  return events > 0 && messages > 0 && chars > 0;
}

/** A time of the activity as the column of an event has it, and the other way round. */
function shortTime(time: string): string {
  return storedTimeOf(toPublicTime(time));
}

function fullTime(time: string): string {
  return time.length === 19 ? `${time}.000000` : time;
}
