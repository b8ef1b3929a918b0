import type { DatabaseSync } from 'node:sqlite';

import { cleanJson, cleanText } from '../../text/clean-text.ts';
import { newEvent } from '../../thread/event.ts';
import { FEEDBACK_GIVEN, FEEDBACK_WITHDRAWN } from '../../thread/message.ts';
import { messageNotFound, threadNotFound } from '../refusals.ts';
import type { Feedback, FeedbackList, FeedbackQuery, FeedbackRecord } from '../store.ts';
import { fromHex, parseStoredJson, toHex } from './columns.ts';
import type { EventRows } from './events.ts';
import { Conditions, ListStatements } from './list-statements.ts';
import { boundedRows, prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import type { ThreadRows } from './threads.ts';
import { toPublicTime, toStoredTime } from './timestamp.ts';

type FeedbackRow = readonly [
  threadId: string,
  messageId: string,
  value: Feedback['value'],
  comment: string | null,
  tags: string | null,
  at: string,
];

const COLUMNS = 'f.thread_id, f.message_id, f.value, f.comment, f.tags, f.at';

const SQL = {
  isByAssistant: sql<readonly [1]>(`SELECT 1 FROM thread_events
     WHERE thread_id = ? AND event_id = ? AND event_type GLOB 'comm.*'
       AND CASE WHEN json_valid(event_data, 2) THEN event_data ->> '$.role' END = 'assistant'`),
  current: sql<readonly [value: string, comment: string | null, tags: string | null]>(
    'SELECT value, comment, tags FROM jims_feedback WHERE thread_id = ? AND message_id = ?',
  ),
  // Never changed in its place: see jims_activity.
  remove: 'DELETE FROM jims_feedback WHERE thread_id = ? AND message_id = ?',
  insert: `INSERT INTO jims_feedback (thread_id, message_id, value, comment, tags, at)
     VALUES (?, ?, ?, ?, ?, ?)`,
  removeSome: `DELETE FROM jims_feedback WHERE rowid IN (
       SELECT rowid FROM jims_feedback WHERE thread_id = ? LIMIT ?)`,
};

interface FeedbackTables {
  readonly threads: ThreadRows;
  readonly events: EventRows;
}

/** The rows of `jims_feedback`: what counts now. Call writes inside a transaction. */
export class FeedbackRows {
  readonly #lists: ListStatements<FeedbackRow>;
  readonly #tables: FeedbackTables;
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync, tables: FeedbackTables) {
    this.#lists = new ListStatements(db);
    this.#tables = tables;
    this.#sql = prepareAll(db, SQL);
  }

  /** @throws JimsError `thread_not_found`, `message_not_found` */
  set(
    threadId: string,
    messageId: string,
    feedback: Feedback | undefined,
  ): 'changed' | 'unchanged' {
    if (!this.#tables.threads.byId(threadId)) throw threadNotFound(threadId);
    const key = [toHex(threadId), toHex(messageId)] as const;
    if (!this.#sql.isByAssistant.get(...key)) throw messageNotFound(messageId);
    const now = feedback && valuesOf(feedback);
    const before = this.#sql.current.get(...key);
    if (JSON.stringify(now) === JSON.stringify(before)) return 'unchanged';
    const event = feedback
      ? newEvent(FEEDBACK_GIVEN, { message_id: messageId, ...feedback })
      : newEvent(FEEDBACK_WITHDRAWN, { message_id: messageId });
    const [stored] = this.#tables.events.append(threadId, [event]);
    this.#sql.remove.run(...key);
    if (now && stored) this.#sql.insert.run(...key, ...now, toStoredTime(stored.createdAt));
    return 'changed';
  }

  list({ threadId, value, after, ...bounds }: FeedbackQuery): FeedbackList {
    const where = new Conditions();
    if (threadId !== undefined) where.add('f.thread_id = ?', toHex(threadId));
    if (value !== undefined) where.add('f.value = ?', value);
    if (after)
      where.add('(f.at, f.message_id) > (?, ?)', toStoredTime(after.at), toHex(after.messageId));
    const text = `SELECT ${COLUMNS} FROM jims_feedback f ${indexFor(threadId, value)}
       CROSS JOIN threads t ON t.thread_id = f.thread_id
       WHERE ${where.text} ORDER BY f.at, f.message_id`;
    const rows = this.#lists.rows(text, where.values);
    const { rows: taken, more } = boundedRows(rows, bounds, sizeOf);
    return { feedback: taken.map(toFeedback), more };
  }

  /** Removes feedback of a thread, and returns how much it was. */
  removeSome(threadId: string, limit: number): number {
    return Number(this.#sql.removeSome.run(toHex(threadId), limit).changes);
  }
}

function indexFor(threadId: string | undefined, value: string | undefined): string {
  if (threadId !== undefined) return 'INDEXED BY jims_feedback_thread';
  return value === undefined ? 'INDEXED BY jims_feedback_order' : 'INDEXED BY jims_feedback_value';
}

function valuesOf({ value, comment, tags }: Feedback): [string, string | null, string | null] {
  // As the event has them.
  return [value, comment === undefined ? null : cleanText(comment), tags ? cleanJson(tags) : null];
}

function toFeedback([threadId, messageId, value, comment, tags, at]: FeedbackRow): FeedbackRecord {
  return {
    threadId: fromHex(threadId),
    messageId: fromHex(messageId),
    value,
    ...(comment !== null && { comment }),
    ...(tags !== null && { tags: parseStoredJson(tags) as readonly string[] }),
    at: toPublicTime(at),
  };
}

function sizeOf([, , , comment, tags]: FeedbackRow): number {
  return (comment?.length ?? 0) + (tags?.length ?? 0);
}
