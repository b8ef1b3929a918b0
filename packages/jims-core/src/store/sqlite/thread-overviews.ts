import type { DatabaseSync } from 'node:sqlite';

import { oneLine } from '../../text/one-line.ts';
import { eventDomain } from '../../thread/event.ts';
import { MAX_EXCERPT, MAX_TITLE } from '../../thread/thread.ts';
import type { ThreadOverview } from '../../thread/thread.ts';
import { parseStoredObject, toHex } from './columns.ts';
import { BEGINNING_OF_DATA, messageBeginning } from './message-beginning.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { NO_MESSAGE, full } from './step-5.ts';
import { toThread } from './thread-row.ts';
import type { ThreadRow } from './thread-row.ts';
import { toPublicTime } from './timestamp.ts';

/** A thread with what is kept of its activity. */
export type ActiveThreadRow = readonly [
  ...ThreadRow,
  lastEventAt: string,
  lastMessageId: string,
  isWaiting: number,
];

/** The columns of an {@link ActiveThreadRow}. */
export const ACTIVE_THREAD = `a.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config,
       a.last_event_at, a.last_message_id, a.is_waiting`;

/** How many events are looked at for the first message of the contact. */
const LOOK_AT = 500;

const SQL = {
  // While more came than one read takes in, the activity of a new thread may not be there yet.
  byId: sql<ActiveThreadRow>(`SELECT t.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config,
       coalesce(a.last_event_at, ${full('t.created_at')}), coalesce(a.last_message_id, '${NO_MESSAGE}'),
       coalesce(a.is_waiting, 0)
     FROM threads t LEFT JOIN jims_activity a ON a.thread_id = t.thread_id WHERE t.thread_id = ?`),
  title: sql<readonly [data: string | null]>(`SELECT ${BEGINNING_OF_DATA} FROM thread_events
     WHERE thread_id = ? AND event_type = 'jims.thread.titled'
     ORDER BY created_at DESC, event_id DESC LIMIT 1`),
  // The data of other events is not read.
  first: sql<readonly [type: string, data: string | null]>(`SELECT event_type,
       CASE WHEN event_type GLOB 'comm.*' THEN ${BEGINNING_OF_DATA} END
     FROM thread_events WHERE thread_id = ? ORDER BY created_at, event_id LIMIT ${LOOK_AT}`),
  message: sql<readonly [data: string | null]>(
    `SELECT ${BEGINNING_OF_DATA} FROM thread_events WHERE thread_id = ? AND event_id = ?`,
  ),
};

/** Reads what lists show of threads. */
export class ThreadOverviews {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  byId(threadId: string): ThreadOverview | undefined {
    const row = this.#sql.byId.get(toHex(threadId));
    return row && this.of(row);
  }

  of([id, contactId, externalId, createdAt, config, ...active]: ActiveThreadRow): ThreadOverview {
    const [lastEventAt, lastMessageId, isWaiting] = active;
    return {
      ...toThread([id, contactId, externalId, createdAt, config]),
      title: this.#titleOf(id) ?? this.#beginningOf(id),
      lastEventAt: toPublicTime(lastEventAt),
      lastMessage: this.#excerptOf(id, lastMessageId),
      isWaiting: isWaiting === 1,
    };
  }

  #titleOf(thread: string): string | undefined {
    const { title } = parseStoredObject(this.#sql.title.get(thread)?.[0] ?? null);
    return typeof title === 'string' ? lineOf(title, MAX_TITLE) : undefined;
  }

  #beginningOf(thread: string): string | undefined {
    for (const [type, data] of this.#sql.first.iterate(thread)) {
      if (eventDomain(type) !== 'comm') continue;
      const message = messageBeginning(data);
      if (message?.role === 'user') return lineOf(message.content, MAX_TITLE);
    }
    return undefined;
  }

  #excerptOf(thread: string, messageId: string): ThreadOverview['lastMessage'] {
    const message = messageBeginning(this.#sql.message.get(thread, messageId)?.[0] ?? null);
    return message && { role: message.role, excerpt: oneLine(message.content, MAX_EXCERPT) };
  }
}

function lineOf(text: string, max: number): string | undefined {
  return oneLine(text, max) || undefined;
}
