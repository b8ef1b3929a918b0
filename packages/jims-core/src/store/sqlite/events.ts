import type { DatabaseSync } from 'node:sqlite';

import { eventDomain, eventName } from '../../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { parseStoredObject } from '../json-text.ts';
import type { EventPage, EventPosition } from '../store.ts';
import { formatMicros, parseMicros, toPublicTime, toStoredTime } from '../timestamp.ts';
import { cell, listParameter } from './columns.ts';
import { fromHex, toHex } from './uuid-hex.ts';

type EventRow = [id: string, createdAt: string, type: string, data: string | null];

/** The rows of `thread_events`. Writes are to be called inside a transaction. */
export interface EventRows {
  append(threadId: string, events: readonly NewEvent[]): readonly ThreadEvent[];
  /** The same for who knows the stored time of the thread's newest event, `undefined` when it has none. */
  appendAfter(
    newest: string | undefined,
    threadId: string,
    events: readonly NewEvent[],
  ): readonly ThreadEvent[];
  read(threadId: string, after: EventPosition | undefined): readonly ThreadEvent[];
  page(threadId: string, page: EventPage): readonly ThreadEvent[];
  byIds(threadId: string, ids: readonly string[]): readonly ThreadEvent[];
  has(threadId: string, eventId: string): boolean;
  deleteOf(threadId: string): void;
}

const COLUMNS = 'event_id, created_at, event_type, event_data';

export function eventRows(db: DatabaseSync): EventRows {
  const newest = db.prepare(
    'SELECT created_at FROM thread_events WHERE thread_id = ? ORDER BY created_at DESC LIMIT 1',
  );
  const insert = db.prepare(
    `INSERT INTO thread_events (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const exists = db.prepare('SELECT 1 FROM thread_events WHERE thread_id = ? AND event_id = ?');
  const all = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events WHERE thread_id = ? ORDER BY created_at, event_id`,
  );
  const later = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ? AND (created_at, event_id) > (?, ?) ORDER BY created_at, event_id`,
  );
  // The domain is told from the type: the original leaves event_domain empty.
  const page = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ?1 AND (created_at, event_id) > (?2, ?3)
       AND (?4 IS NULL OR EXISTS (
         SELECT 1 FROM json_each(?4) WHERE event_type = value OR event_type GLOB value || '.*'))
     ORDER BY created_at, event_id LIMIT ?5`,
  );
  const byIds = db.prepare(
    `SELECT ${COLUMNS} FROM thread_events
     WHERE thread_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))
     ORDER BY created_at, event_id`,
  );
  const deleteOf = db.prepare('DELETE FROM thread_events WHERE thread_id = ?');
  for (const statement of [newest, exists, all, later, page, byIds]) {
    statement.setReturnArrays(true);
  }

  function appendAfter(
    last: string | undefined,
    threadId: string,
    events: readonly NewEvent[],
  ): readonly ThreadEvent[] {
    const thread = toHex(threadId);
    let micros = firstTime(last);
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
    read(threadId, after) {
      const thread = toHex(threadId);
      const rows = after ? later.all(thread, ...positionOf(after)) : all.all(thread);
      return toEvents(threadId, rows);
    },
    page(threadId, { after, domains, limit }) {
      const from = after ? positionOf(after) : ['', ''];
      const only = domains ? listParameter(domains) : null;
      return toEvents(threadId, page.all(toHex(threadId), ...from, only, limit));
    },
    byIds(threadId, ids) {
      if (ids.length === 0) return [];
      return toEvents(threadId, byIds.all(toHex(threadId), listParameter(ids.map(toHex))));
    },
    has: (threadId, eventId) => exists.get(toHex(threadId), toHex(eventId)) !== undefined,
    deleteOf: (threadId) => void deleteOf.run(toHex(threadId)),
  };
}

/**
 * The original writes whole seconds without a fraction. We never write a whole second, so that its
 * public time has one stored text, and a position can be compared with the column as it is.
 */
function neverWholeSecond(micros: number): number {
  return micros % 1_000_000 === 0 ? micros + 1 : micros;
}

function positionOf({ createdAt, id }: EventPosition): [createdAt: string, id: string] {
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

function toEvents(threadId: string, rows: unknown): readonly ThreadEvent[] {
  return (rows as EventRow[]).map((row) => toEvent(threadId, row));
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
