import type { DatabaseSync } from 'node:sqlite';

import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { ALL_INDEXED, NO_MESSAGE, full, isAboutThread, isSuperseded } from './step-5.ts';

/** How many events one piece takes: about ten milliseconds. */
const PIECE_EVENTS = 1000;

const IS_MESSAGE = `e.event_type GLOB 'comm.*'`;

const SQL = {
  isAny: sql<readonly [1]>('SELECT 1 FROM jims_noted LIMIT 1'),
  last: sql<readonly [rowId: number | null]>(
    `SELECT max(rowid) FROM (SELECT rowid FROM jims_noted ORDER BY rowid LIMIT ${PIECE_EVENTS})`,
  ),
  note: `INSERT INTO jims_activity (thread_id, contact_id, standing, last_event_at, last_message_id, is_waiting,
       has_up, has_down, unindexed_since)
     SELECT t.thread_id, t.contact_id, ${isSuperseded('t.external_id')},
       max(${full('t.created_at')}, coalesce(n.at, '')), coalesce(substr(n.message, 27), '${NO_MESSAGE}'),
       EXISTS (SELECT 1 FROM jims_questions q
         WHERE q.thread_id = t.thread_id AND q.state = 'open' AND q.audience = 'contact'),
       EXISTS (SELECT 1 FROM jims_feedback f WHERE f.thread_id = t.thread_id AND f.value = 'up'),
       EXISTS (SELECT 1 FROM jims_feedback f WHERE f.thread_id = t.thread_id AND f.value = 'down'),
       coalesce(n.since, '${ALL_INDEXED}')
     FROM (
       SELECT n.thread_id,
         max(CASE WHEN NOT ${isAboutThread('e.event_type')} THEN ${full('e.created_at')} END) AS at,
         max(CASE WHEN ${IS_MESSAGE} THEN ${full('e.created_at')} || e.event_id END) AS message,
         min(CASE WHEN ${IS_MESSAGE} THEN ${full('e.created_at')} END) AS since
       FROM jims_noted n LEFT JOIN thread_events e ON e.thread_id = n.thread_id AND e.event_id = n.event_id
       WHERE n.rowid <= ? GROUP BY n.thread_id
     ) n JOIN threads t ON t.thread_id = n.thread_id
     WHERE true
     ON CONFLICT (thread_id) DO UPDATE SET contact_id = excluded.contact_id, standing = excluded.standing,
       last_event_at = max(last_event_at, excluded.last_event_at),
       last_message_id = CASE WHEN excluded.last_message_id = '${NO_MESSAGE}'
         THEN last_message_id ELSE excluded.last_message_id END,
       unindexed_since = min(unindexed_since, excluded.unindexed_since)`,
  remove: 'DELETE FROM jims_noted WHERE rowid <= ?',
};

/**
 * The events that came and are not in the activity of their threads yet. To change that with each event would
 * cost each turn several pages of indexes; many events at once are one change a thread.
 */
export class NotedEvents {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  get isAny(): boolean {
    return this.#sql.isAny.get() !== undefined;
  }

  /** Brings some of them into the activity; returns whether there are more. Call it inside a transaction. */
  takeSome(): boolean {
    const last = this.#sql.last.get()?.[0] ?? 0;
    this.#sql.note.run(last);
    this.#sql.remove.run(last);
    return this.isAny;
  }
}
