import type { DatabaseSync } from 'node:sqlite';

import { eventDomain, eventName } from '../../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { parseStoredObject } from '../json-text.ts';
import type { EventPosition } from '../store.ts';
import { formatMicros, parseMicros, toPublicTime, toStoredTime } from '../timestamp.ts';
import { fromHex, toHex } from './uuid-hex.ts';

type EventRow = [id: string, createdAt: string, type: string, data: string | null];

/** The rows of `thread_events`. Writes are to be called inside a transaction. */
export interface EventRows {
  append(threadId: string, events: readonly NewEvent[]): readonly ThreadEvent[];
  read(threadId: string, after: EventPosition | undefined): readonly ThreadEvent[];
  has(threadId: string, eventId: string): boolean;
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
  for (const statement of [newest, exists, all, later]) statement.setReturnArrays(true);

  return {
    append(threadId, events) {
      if (events.length === 0) return [];
      const thread = toHex(threadId);
      const last = textOrUndefined(newest.get(thread));
      let micros = firstTime(last);
      return events.map((event) => {
        const { id, type, data } = event;
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
    },
    read(threadId, after) {
      const thread = toHex(threadId);
      const rows = after
        ? later.all(thread, toStoredTime(after.createdAt), toHex(after.id))
        : all.all(thread);
      return rows.map((row) => toEvent(threadId, row as unknown as EventRow));
    },
    has: (threadId, eventId) => exists.get(toHex(threadId), toHex(eventId)) !== undefined,
  };
}

/** Now, but always later than what the thread has: the clock of a machine may be set back. */
function firstTime(last: string | undefined): number {
  const now = Date.now() * 1000;
  if (last === undefined || formatMicros(now) > last) return now;
  return parseMicros(last) + 1;
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
  const value: unknown = Array.isArray(row) ? row[0] : undefined;
  return typeof value === 'string' ? value : undefined;
}
