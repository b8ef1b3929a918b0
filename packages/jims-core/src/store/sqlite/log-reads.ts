import type { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';

import { STATE_PREFIX } from '../../thread/event.ts';
import type { ThreadEvent } from '../../thread/event.ts';
import type { NewestEvents, TailPiece, TailSource } from '../read-tail.ts';
import { FRESH_BYTES, FRESH_EVENTS, READ_BYTES } from '../store.ts';
import type { EventList, EventPage, EventPosition, ReadBounds } from '../store.ts';
import { fromHex, listParameter, parseStoredObject, toHex } from './columns.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Sql, Statements } from './rows.ts';
import { toPublicTime, toStoredTime } from './timestamp.ts';

type EventRow = readonly [id: string, createdAt: string, type: string, data: string | null];
/** An event that a page passes; `data` is read only of the wanted ones. */
type PageRow = readonly [...EventRow, isWanted: number];
type TypeRow = readonly [id: string, createdAt: string, type: string];

const COLUMNS = 'event_id, created_at, event_type, event_data';
/** How many events one read looks at: each costs about a microsecond. */
const LOOK_AT = 5000;

const SQL = {
  later: sql<EventRow>(`SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ? AND (created_at, event_id) > (?, ?) ORDER BY created_at, event_id`),
  page: pageStatement(''),
  pageBackwards: pageStatement('DESC'),
  newestFirst: sql<EventRow>(`SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ?1 AND (created_at, event_id) < (?2, ?3)
       AND (created_at, event_id) > (?4, ?5)
     ORDER BY created_at DESC, event_id DESC`),
  typesBefore: sql<TypeRow>(`SELECT event_id, created_at, event_type FROM thread_events
     WHERE thread_id = ?1 AND (created_at, event_id) < (?2, ?3)
     ORDER BY created_at DESC, event_id DESC LIMIT ?4`),
  // The pluses keep SQLite from reading the whole thread in this order.
  byIds: sql<EventRow>(`SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))
     ORDER BY +created_at, +event_id`),
};

// The domain is taken from the type, because the original leaves event_domain empty.
function pageStatement(direction: '' | 'DESC'): Sql<PageRow> {
  return sql(`SELECT event_id, created_at, event_type, iif(wanted, event_data, NULL), wanted FROM (
       SELECT ${COLUMNS},
         ?6 IS NULL OR substr(event_type, 1, instr(event_type || '.', '.') - 1)
           IN (SELECT value FROM json_each(?6)) AS wanted
       FROM thread_events
       WHERE thread_id = ?1 AND (created_at, event_id) > (?2, ?3) AND (created_at, event_id) < (?4, ?5))
     ORDER BY created_at ${direction}, event_id ${direction} LIMIT ?7`);
}

/** Reads `thread_events`, each time no more than may be read at once. */
export class LogReads {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  /** The events after a position; `undefined` when they are more than accepting a run may bring along. */
  fresh(threadId: string, after: EventPosition): readonly ThreadEvent[] | undefined {
    const rows = this.#sql.later.iterate(toHex(threadId), ...positionOf(after));
    const bounds = { limit: FRESH_EVENTS, maxBytes: FRESH_BYTES };
    const read = boundedRows(rows, bounds, sizeOf);
    return read.more ? undefined : toEvents(threadId, read.rows);
  }

  page(threadId: string, { after, before, order, domains, ...bounds }: EventPage): EventList {
    const statement = order === 'desc' ? this.#sql.pageBackwards : this.#sql.page;
    const from = after ? positionOf(after) : BEGINNING;
    const to = before ? positionOf(before) : END;
    const wanted = domains ? listParameter(domains) : null;
    const rows = statement.iterate(toHex(threadId), ...from, ...to, wanted, LOOK_AT);
    return takePage(threadId, rows, bounds);
  }

  byIds(threadId: string, ids: readonly string[]): readonly ThreadEvent[] {
    if (ids.length === 0) return [];
    const list = listParameter(ids.map(toHex));
    return toEvents(threadId, this.#sql.byIds.all(toHex(threadId), list));
  }

  /** The end of a thread's log, to be read in pieces. */
  tailOf(threadId: string): TailSource {
    return {
      newest: (piece) => this.#newest(threadId, piece),
      statesBefore: (position, except) => this.#statesBefore(threadId, position, except),
    };
  }

  #newest(threadId: string, { before, after, maxBytes }: TailPiece): NewestEvents {
    const to = before ? positionOf(before) : END;
    const from = after ? positionOf(after) : BEGINNING;
    const rows = this.#sql.newestFirst.iterate(toHex(threadId), ...to, ...from);
    const read = boundedRows(rows, { limit: LOOK_AT, maxBytes }, sizeOf);
    const bytes = read.rows.reduce((sum, row) => sum + sizeOf(row), 0);
    return { events: toEvents(threadId, read.rows), bytes, more: read.more };
  }

  /** Each piece is read synchronously, so other work gets its turn in between. */
  async #statesBefore(
    threadId: string,
    position: EventPosition,
    except: ReadonlySet<string>,
  ): Promise<readonly ThreadEvent[]> {
    const seen = new Set(except);
    const ids: string[] = [];
    for (let before: EventPosition | undefined = position; before;) {
      await setImmediate();
      const rows: readonly TypeRow[] = this.#sql.typesBefore.all(
        toHex(threadId),
        ...positionOf(before),
        LOOK_AT,
      );
      for (const [id, , type] of rows) {
        if (!type.startsWith(STATE_PREFIX) || seen.has(type)) continue;
        seen.add(type);
        ids.push(fromHex(id));
      }
      before = rows.length === LOOK_AT ? positionIn(rows.at(-1)) : undefined;
    }
    return this.byIds(threadId, ids);
  }
}

/** Before and after all positions. */
export const BEGINNING: Position = ['', ''];
export const END: Position = ['~', ''];

type Position = readonly [createdAt: string, id: string];

export function positionOf({ createdAt, id }: EventPosition): Position {
  return [storedTimeOf(createdAt), toHex(id)];
}

/** The stored form of an event's public time. */
export function storedTimeOf(createdAt: string): string {
  return toStoredTime(createdAt).replace(/\.000000$/, '');
}

/** Takes the wanted events that fit, and notes how far it has looked. */
function takePage(
  threadId: string,
  rows: Iterable<PageRow>,
  { limit, maxBytes = READ_BYTES }: ReadBounds,
): EventList {
  const events: ThreadEvent[] = [];
  let last: PageRow | undefined;
  let bytes = 0;
  let lookedAt = 0;
  for (const row of rows) {
    const [id, createdAt, type, data, isWanted] = row;
    bytes += data?.length ?? 0;
    const isFull = events.length > 0 && (bytes > maxBytes || events.length >= limit);
    if (isWanted === 1) {
      if (isFull) return { events, last: positionIn(last), more: true };
      events.push(toEvent(threadId, [id, createdAt, type, data]));
    }
    last = row;
    lookedAt++;
  }
  return { events, last: positionIn(last), more: lookedAt === LOOK_AT };
}

function positionIn(row: TypeRow | PageRow | undefined): EventPosition | undefined {
  return row && { id: fromHex(row[0]), createdAt: toPublicTime(row[1]) };
}

function sizeOf([, , , data]: EventRow): number {
  return data?.length ?? 0;
}

function toEvents(threadId: string, rows: readonly EventRow[]): readonly ThreadEvent[] {
  return rows.map((row) => toEvent(threadId, row));
}

function toEvent(threadId: string, [id, createdAt, type, data]: EventRow): ThreadEvent {
  return {
    id: fromHex(id),
    threadId,
    createdAt: toPublicTime(createdAt),
    type,
    data: parseStoredObject(data),
  };
}
