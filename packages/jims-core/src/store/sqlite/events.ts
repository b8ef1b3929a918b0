import type { DatabaseSync } from 'node:sqlite';

import { eventDomain, eventName } from '../../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { ReadBounds } from '../store.ts';
import { asRows, boundedRows } from './bounded-rows.ts';
import { cell, listParameter } from './columns.ts';
import { logReads } from './log-reads.ts';
import type { LogReads } from './log-reads.ts';
import { formatMicros, parseMicros, toPublicTime } from './timestamp.ts';
import { toHex } from './uuid-hex.ts';

type SizeRow = [id: string, bytes: number];

/** The rows of `thread_events`. Writes are to be called inside a transaction. */
export interface EventRows extends LogReads {
  append(threadId: string, events: readonly NewEvent[]): readonly ThreadEvent[];
  /** The same for who knows the stored time of the thread's newest event, `undefined` when it has none. */
  appendAfter(
    newest: string | undefined,
    threadId: string,
    events: readonly NewEvent[],
  ): readonly ThreadEvent[];
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
  const sizes = db.prepare(
    'SELECT event_id, coalesce(octet_length(event_data), 0) FROM thread_events WHERE thread_id = ?',
  );
  const remove = db.prepare(
    `DELETE FROM thread_events
     WHERE thread_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))`,
  );
  for (const statement of [newest, exists, sizes]) {
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
    ...logReads(db),
    appendAfter,
    append(threadId, events) {
      if (events.length === 0) return [];
      return appendAfter(textOrUndefined(newest.get(toHex(threadId))), threadId, events);
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

/** Now, but always later than what the thread has: the clock of a machine may be set back. */
function firstTime(last: string | undefined): number {
  const now = Date.now() * 1000;
  if (last === undefined || formatMicros(now) > last) return now;
  return parseMicros(last) + 1;
}

function textOrUndefined(row: unknown): string | undefined {
  const value = cell(row);
  return typeof value === 'string' ? value : undefined;
}
