import type { DatabaseSync } from 'node:sqlite';

import { eventDomain, eventName } from '../../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { ReadBounds } from '../store.ts';
import { listParameter, toHex } from './columns.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { formatMicros, parseMicros, toPublicTime } from './timestamp.ts';

export interface SomeEvents {
  /** As they are stored. */
  readonly ids: readonly string[];
  readonly bytes: number;
  /** Whether the thread has others. */
  readonly more: boolean;
}

const SQL = {
  newest: sql<readonly [createdAt: string]>(
    'SELECT created_at FROM thread_events WHERE thread_id = ? ORDER BY created_at DESC LIMIT 1',
  ),
  // OR FAIL, as it fires a trigger: else SQLite would keep a copy of each page that it changes, to take back what it
  // alone did. A failure takes the whole transaction back here.
  insert: `INSERT OR FAIL INTO thread_events (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  exists: sql<readonly [1]>('SELECT 1 FROM thread_events WHERE thread_id = ? AND event_id = ?'),
  sizes: sql<readonly [id: string, bytes: number]>(
    'SELECT event_id, coalesce(octet_length(event_data), 0) FROM thread_events WHERE thread_id = ?',
  ),
  remove: `DELETE FROM thread_events
     WHERE thread_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))`,
};

/** Writes the rows of `thread_events`. Call its methods inside a transaction. */
export class EventRows {
  readonly #sql: Statements<typeof SQL>;
  readonly #onAppended: (threadId: string) => void;

  constructor(db: DatabaseSync, onAppended: (threadId: string) => void) {
    this.#sql = prepareAll(db, SQL);
    this.#onAppended = onAppended;
  }

  append(threadId: string, events: readonly NewEvent[]): readonly ThreadEvent[] {
    if (events.length === 0) return [];
    return this.appendAfter(this.#sql.newest.get(toHex(threadId))?.[0], threadId, events);
  }

  /** Like {@link append}, with the stored time of the thread's newest event, if it has one. */
  appendAfter(
    newest: string | undefined,
    threadId: string,
    events: readonly NewEvent[],
  ): readonly ThreadEvent[] {
    const thread = toHex(threadId);
    let micros = firstTime(newest);
    if (events.length > 0) this.#onAppended(threadId);
    return events.map(({ id, type, data }) => {
      micros = neverWholeSecond(micros);
      const createdAt = formatMicros(micros++);
      this.#sql.insert.run(
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

  has(threadId: string, eventId: string): boolean {
    return this.#sql.exists.get(toHex(threadId), toHex(eventId)) !== undefined;
  }

  /** Some events of a thread, within the bounds. */
  someOf(threadId: string, bounds: Required<ReadBounds>): SomeEvents {
    const all = this.#sql.sizes.iterate(toHex(threadId));
    const { rows, more } = boundedRows(all, bounds, ([, size]) => size);
    const bytes = rows.reduce((sum, [, size]) => sum + size, 0);
    return { ids: rows.map(([id]) => id), more, bytes };
  }

  /** Removes events of a thread, given by their ids as they are stored. */
  remove(threadId: string, ids: readonly string[]): void {
    if (ids.length > 0) this.#sql.remove.run(toHex(threadId), listParameter(ids));
  }
}

/**
 * The original writes whole seconds without a fraction. We never write a whole second: so every public
 * time has one stored form, and a position can be compared with the column as it is.
 */
function neverWholeSecond(micros: number): number {
  return micros % 1_000_000 === 0 ? micros + 1 : micros;
}

/** Now, but always later than the newest event: the clock of a machine may be set back. */
function firstTime(last: string | undefined): number {
  const now = Date.now() * 1000;
  if (last === undefined || formatMicros(now) > last) return now;
  return parseMicros(last) + 1;
}
