import type { DatabaseSync } from 'node:sqlite';

import { STATE_PREFIX } from '../../thread/event.ts';
import type { ThreadEvent } from '../../thread/event.ts';
import type { NewestEvents, TailPiece } from '../read-tail.ts';
import { FRESH_BYTES, FRESH_EVENTS, READ_BYTES } from '../store.ts';
import type { EventList, EventPage, EventPosition, ReadBounds } from '../store.ts';
import { asRows, boundedRows } from './bounded-rows.ts';
import { listParameter } from './columns.ts';
import { parseStoredObject } from './stored-json.ts';
import { toPublicTime, toStoredTime } from './timestamp.ts';
import { fromHex, toHex } from './uuid-hex.ts';

type EventRow = [id: string, createdAt: string, type: string, data: string | null];
/** An event that is looked at; `data` is read only when it is one that is wanted. */
type LookedAtRow = [...EventRow, isWanted: number];

/** What is read of `thread_events`: each time as much as may be read at once. */
export interface LogReads {
  /** What came after a position; `undefined` when that is more than accepting a run may bring along. */
  fresh(threadId: string, after: EventPosition): readonly ThreadEvent[] | undefined;
  page(threadId: string, page: EventPage): EventList;
  /** Events before a position, of all without one, newest first: so many bytes, but one at least. */
  newest(threadId: string, piece: TailPiece): NewestEvents;
  /** The positions of `state.set.*` events before a position, newest first, of a bounded part of the log. */
  statesBefore(threadId: string, before: EventPosition): StatePositions;
  byIds(threadId: string, ids: readonly string[]): readonly ThreadEvent[];
}

export interface StatePositions {
  readonly states: readonly { readonly id: string; readonly type: string }[];
  /** Where to look on; `undefined` at the beginning of the log. */
  readonly next: EventPosition | undefined;
}

const COLUMNS = 'event_id, created_at, event_type, event_data';
/** How many events are looked at in one piece: each costs about a microsecond. */
const LOOK_AT = 5000;

export function logReads(db: DatabaseSync): LogReads {
  const later = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ? AND (created_at, event_id) > (?, ?) ORDER BY created_at, event_id`,
  );
  // The domain is in the type: the original leaves event_domain empty. What is of another domain
  // is looked at, too, but not its data.
  const page = db.prepare(
    `SELECT event_id, created_at, event_type, iif(wanted, event_data, NULL), wanted FROM (
       SELECT ${COLUMNS},
         ?4 IS NULL OR substr(event_type, 1, instr(event_type || '.', '.') - 1)
           IN (SELECT value FROM json_each(?4)) AS wanted
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
  for (const statement of [later, page, newestFirst, before, byIds]) {
    statement.setReturnArrays(true);
  }

  return {
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
  };
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

/** Takes what is wanted as long as it fits, and remembers how far it has looked. */
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

function positionIn(row: LookedAtRow | undefined): EventPosition | undefined {
  return row && { id: fromHex(row[0]), createdAt: toPublicTime(row[1]) };
}

function toEvents(threadId: string, rows: readonly unknown[]): readonly ThreadEvent[] {
  return (rows as readonly EventRow[]).map((row) => toEvent(threadId, row));
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
