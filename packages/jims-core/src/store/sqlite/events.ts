import type { DatabaseSync } from 'node:sqlite';

import { STATE_PREFIX, eventDomain, eventName } from '../../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { parseStoredObject } from '../json-text.ts';
import type { NewestEvents, TailPiece } from '../read-tail.ts';
import { FRESH_BYTES, FRESH_EVENTS, READ_BYTES } from '../store.ts';
import type { EventList, EventPage, EventPosition, ReadBounds } from '../store.ts';
import { formatMicros, parseMicros, toPublicTime, toStoredTime } from '../timestamp.ts';
import { boundedRows } from './bounded-rows.ts';
import { cell, listParameter } from './columns.ts';
import { fromHex, toHex } from './uuid-hex.ts';

type EventRow = [id: string, createdAt: string, type: string, data: string | null];
/** An event that is looked at; `data` is read only when it is one that is asked for. */
type LookedAtRow = [...EventRow, isAskedFor: number];

type SizeRow = [id: string, bytes: number];

/** The rows of `thread_events`. Writes are to be called inside a transaction. */
export interface EventRows {
  append(threadId: string, events: readonly NewEvent[]): readonly ThreadEvent[];
  /** The same for who knows the stored time of the thread's newest event, `undefined` when it has none. */
  appendAfter(
    newest: string | undefined,
    threadId: string,
    events: readonly NewEvent[],
  ): readonly ThreadEvent[];
  /** What came after a position; `undefined` when that is more than accepting a run may bring along. */
  fresh(threadId: string, after: EventPosition): readonly ThreadEvent[] | undefined;
  page(threadId: string, page: EventPage): EventList;
  /** Events before a position, of all without one, newest first: so many bytes, but one at least. */
  newest(threadId: string, piece: TailPiece): NewestEvents;
  /** The positions of `state.set.*` events before a position, newest first, of a bounded part of the log. */
  statesBefore(threadId: string, before: EventPosition): StatePositions;
  byIds(threadId: string, ids: readonly string[]): readonly ThreadEvent[];
  has(threadId: string, eventId: string): boolean;
  /** Removes events of a thread, within the bounds. */
  deleteSome(threadId: string, bounds: Required<ReadBounds>): DeletedEvents;
}

export interface DeletedEvents {
  /** As they are stored. */
  readonly ids: readonly string[];
  readonly bytes: number;
  readonly more: boolean;
}

export interface StatePositions {
  readonly states: readonly { readonly id: string; readonly type: string }[];
  /** Where to look on; `undefined` at the beginning of the log. */
  readonly next: EventPosition | undefined;
}

const COLUMNS = 'event_id, created_at, event_type, event_data';
/** How many events are looked at in one piece: each costs about a microsecond. */
const LOOK_AT = 5000;

/** `onAppended` is called inside the transaction. */
export function eventRows(db: DatabaseSync, onAppended: (threadId: string) => void): EventRows {
  const newest = db.prepare(
    'SELECT created_at FROM thread_events WHERE thread_id = ? ORDER BY created_at DESC LIMIT 1',
  );
  const insert = db.prepare(
    `INSERT INTO thread_events (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const exists = db.prepare('SELECT 1 FROM thread_events WHERE thread_id = ? AND event_id = ?');
  const later = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ? AND (created_at, event_id) > (?, ?) ORDER BY created_at, event_id`,
  );
  // The domain is told from the type: the original leaves event_domain empty. What is of another domain
  // is looked at, too, but not its data.
  const page = db.prepare(
    `SELECT event_id, created_at, event_type, iif(asked, event_data, NULL), asked FROM (
       SELECT ${COLUMNS},
         ?4 IS NULL OR substr(event_type, 1, instr(event_type || '.', '.') - 1)
           IN (SELECT value FROM json_each(?4)) AS asked
       FROM thread_events
       WHERE thread_id = ?1 AND (created_at, event_id) > (?2, ?3))
     ORDER BY created_at, event_id LIMIT ?5`,
  );
  const newestFirst = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ?1 AND (created_at, event_id) < (?2, ?3)
       AND (created_at, event_id) > (?4, ?5)
     ORDER BY created_at DESC, event_id DESC`,
  );
  const before = db.prepare(
    `SELECT event_id, created_at, event_type FROM thread_events
     WHERE thread_id = ?1 AND (created_at, event_id) < (?2, ?3)
     ORDER BY created_at DESC, event_id DESC LIMIT ?4`,
  );
  const byIds = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))
     ORDER BY created_at, event_id`,
  );
  const sizes = db.prepare(
    'SELECT event_id, coalesce(octet_length(event_data), 0) FROM thread_events WHERE thread_id = ?',
  );
  const remove = db.prepare(
    `DELETE FROM thread_events
     WHERE thread_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))`,
  );
  for (const statement of [newest, exists, later, page, newestFirst, before, byIds, sizes]) {
    statement.setReturnArrays(true);
  }

  function appendAfter(
    last: string | undefined,
    threadId: string,
    events: readonly NewEvent[],
  ): readonly ThreadEvent[] {
    const thread = toHex(threadId);
    let micros = firstTime(last);
    if (events.length > 0) onAppended(threadId);
    return events.map(({ id, type, data }) => {
      micros = neverWholeSecond(micros);
      const createdAt = formatMicros(micros++);
      insert.run(
        thread,
        toHex(id),
        createdAt,
        type,
        eventDomain(type),
        eventName(type),
        JSON.stringify(data),
      );
      return { id, threadId, createdAt: toPublicTime(createdAt), type, data };
    });
  }

  return {
    appendAfter,
    append(threadId, events) {
      if (events.length === 0) return [];
      return appendAfter(textOrUndefined(newest.get(toHex(threadId))), threadId, events);
    },
    fresh(threadId, after) {
      const rows = later.iterate(toHex(threadId), ...positionOf(after));
      const bounds = { limit: FRESH_EVENTS, maxBytes: FRESH_BYTES };
      const read = boundedRows(asRows<EventRow>(rows), bounds, sizeOf);
      return read.more ? undefined : toEvents(threadId, read.rows);
    },
    page(threadId, { after, domains, ...bounds }) {
      const from = after ? positionOf(after) : BEGINNING;
      const only = domains ? listParameter(domains) : null;
      const rows = page.iterate(toHex(threadId), ...from, only, LOOK_AT);
      return lookThrough(threadId, asRows<LookedAtRow>(rows), bounds);
    },
    newest(threadId, { before: until, after, maxBytes }) {
      const to = until ? positionOf(until) : END;
      const from = after ? positionOf(after) : BEGINNING;
      const rows = newestFirst.iterate(toHex(threadId), ...to, ...from);
      const bounds = { limit: LOOK_AT, maxBytes };
      const read = boundedRows(asRows<EventRow>(rows), bounds, sizeOf);
      const bytes = read.rows.reduce((sum, row) => sum + sizeOf(row), 0);
      return { events: toEvents(threadId, read.rows), bytes, more: read.more };
    },
    statesBefore(threadId, until) {
      const rows = before.all(
        toHex(threadId),
        ...positionOf(until),
        LOOK_AT,
      ) as unknown as readonly [id: string, createdAt: string, type: string][];
      const last = rows.length === LOOK_AT ? rows.at(-1) : undefined;
      return {
        states: rows.flatMap(([id, , type]) =>
          type.startsWith(STATE_PREFIX) ? [{ id: fromHex(id), type }] : [],
        ),
        next: last && { id: fromHex(last[0]), createdAt: toPublicTime(last[1]) },
      };
    },
    byIds(threadId, ids) {
      if (ids.length === 0) return [];
      return toEvents(threadId, byIds.all(toHex(threadId), listParameter(ids.map(toHex))));
    },
    has: (threadId, eventId) => exists.get(toHex(threadId), toHex(eventId)) !== undefined,
    deleteSome(threadId, bounds) {
      const all = asRows<SizeRow>(sizes.iterate(toHex(threadId)));
      const { rows, more } = boundedRows(all, bounds, ([, size]) => size);
      const ids = rows.map(([id]) => id);
      if (ids.length > 0) remove.run(toHex(threadId), listParameter(ids));
      return { ids, more, bytes: rows.reduce((sum, [, size]) => sum + size, 0) };
    },
  };
}

/**
 * The original writes whole seconds without a fraction. We never write a whole second, so that its
 * public time has one stored text, and a position can be compared with the column as it is.
 */
function neverWholeSecond(micros: number): number {
  return micros % 1_000_000 === 0 ? micros + 1 : micros;
}

/** Before and after all positions. */
const BEGINNING: Position = ['', ''];
const END: Position = ['~', ''];

type Position = readonly [createdAt: string, id: string];

function positionOf({ createdAt, id }: EventPosition): Position {
  return [storedTimeOf(createdAt), toHex(id)];
}

/** The stored text of an event's public time. */
export function storedTimeOf(createdAt: string): string {
  return toStoredTime(createdAt).replace(/\.000000$/, '');
}

/** Now, but always later than what the thread has: the clock of a machine may be set back. */
function firstTime(last: string | undefined): number {
  const now = Date.now() * 1000;
  if (last === undefined || formatMicros(now) > last) return now;
  return parseMicros(last) + 1;
}

/** Takes what is asked for as long as it fits, and remembers how far it has looked. */
function lookThrough(
  threadId: string,
  rows: Iterable<LookedAtRow>,
  { limit, maxBytes = READ_BYTES }: ReadBounds,
): EventList {
  const events: ThreadEvent[] = [];
  let last: LookedAtRow | undefined;
  let bytes = 0;
  let lookedAt = 0;
  for (const row of rows) {
    const [id, createdAt, type, data, isAskedFor] = row;
    bytes += data?.length ?? 0;
    const isFull = events.length > 0 && (bytes > maxBytes || events.length >= limit);
    if (isAskedFor === 1) {
      if (isFull) return { events, last: positionIn(last), more: true };
      events.push(toEvent(threadId, [id, createdAt, type, data]));
    }
    last = row;
    lookedAt++;
  }
  return { events, last: positionIn(last), more: lookedAt === LOOK_AT };
}

function positionIn(row: LookedAtRow | undefined): EventPosition | undefined {
  return row && { id: fromHex(row[0]), createdAt: toPublicTime(row[1]) };
}

function toEvents(threadId: string, rows: readonly unknown[]): readonly ThreadEvent[] {
  return (rows as readonly EventRow[]).map((row) => toEvent(threadId, row));
}

/** The driver's types know rows as objects alone. */
function asRows<TRow>(rows: Iterable<unknown>): Iterable<TRow> {
  return rows as Iterable<TRow>;
}

function sizeOf([, , , data]: EventRow): number {
  return data?.length ?? 0;
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

function textOrUndefined(row: unknown): string | undefined {
  const value = cell(row);
  return typeof value === 'string' ? value : undefined;
}
