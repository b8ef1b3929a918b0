import { randomUUIDv7 } from 'node:crypto';

import { JimsError } from '../../errors.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { ThreadStore } from '../store.ts';
import type { Database } from './database.ts';
import { eventLists, toJson } from './parameters.ts';
import { toEvents, toThread } from './rows.ts';
import type { EventJson, ThreadJson } from './rows.ts';

const THREAD = `
  select thread_id as id, contact_id as "contactId", external_id as "externalId",
         jims.iso(created_at) as "createdAt", thread_config as config
  from original.threads`;

const EVENT = `
  select event_id as id, jims.iso(created_at) as "createdAt", event_type as type, event_data as data
  from original.thread_events`;

const NEWEST_FIRST = 'order by created_at desc, thread_id desc';
const IN_ORDER = 'order by created_at, event_id';

export function threadStore(db: Database): ThreadStore {
  async function find(
    condition: string,
    value: string,
  ): Promise<ReturnType<typeof toThread> | undefined> {
    const [row] = await db.query<ThreadJson>(`${THREAD} ${condition}`, [value]);
    return row && toThread(row);
  }

  return {
    async openThread({ contactId, threadId, externalId, threadConfig = {} }) {
      const opened = await db.call<{ thread: ThreadJson; created: boolean }>('open_thread', {
        thread_id: threadId,
        external_id: externalId,
        contact_id: contactId,
        config: toJson(threadConfig),
        new_thread_id: randomUUIDv7(),
        event_id: randomUUIDv7(),
      });
      return { thread: toThread(opened.thread), created: opened.created };
    },

    thread: (threadId) => find('where thread_id = jims.as_uuid($1)', threadId),
    threadByExternalId: (externalId) =>
      find(`where external_id = $1 ${NEWEST_FIRST} limit 1`, externalId),
    latestThread: (contactId) => find(`where contact_id = $1 ${NEWEST_FIRST} limit 1`, contactId),

    // An unnamed statement is planned for its values: a filter that is null costs no index.
    async listThreads({ contactId, externalId, before, limit }) {
      const rows = await db.query<ThreadJson>(
        `${THREAD}
         where ($1::text is null or contact_id = $1) and ($2::text is null or external_id = $2)
           and ($3::timestamp is null or (created_at, thread_id) < ($3, jims.as_uuid($4)))
         ${NEWEST_FIRST} limit $5`,
        [contactId, externalId, before?.createdAt, before?.id, limit],
      );
      return rows.map(toThread);
    },

    async updateThreadConfig(threadId, config) {
      const [row] = await db.query<{ thread: ThreadJson }>(
        `update original.threads set thread_config = $2 where thread_id = jims.as_uuid($1)
         returning jims.thread_json(thread_id, contact_id, external_id, created_at, thread_config) as thread`,
        [threadId, toJson(config)],
      );
      return row && toThread(row.thread);
    },

    async deleteThreads(which) {
      const [row] = await db.query<{ ids: readonly string[] }>(
        'select to_json(jims.delete_threads(jims.as_uuid($1), $2)) as ids',
        'threadId' in which ? [which.threadId, null] : [null, which.contactId],
      );
      return row?.ids ?? [];
    },

    async appendEvents(threadId, events) {
      const { ids, types, data } = eventLists(events);
      const [row] = await db.query<{ times: readonly string[] | null }>(
        'select to_json(jims.append_to_thread(jims.as_uuid($1), $2, $3, $4)) as times',
        [threadId, ids, types, data],
      );
      if (!row?.times) throw new JimsError('thread_not_found', `Thread '${threadId}' not found`);
      return withTimes(threadId, events, row.times);
    },

    async readEvents(threadId, after) {
      const rows = await db.query<EventJson>(
        `${EVENT}
         where thread_id = jims.as_uuid($1)
           and ($2::timestamp is null or (created_at, event_id) > ($2, jims.as_uuid($3)))
         ${IN_ORDER}`,
        [threadId, after?.createdAt, after?.id],
      );
      return toEvents(threadId, rows);
    },

    // The domain is told from the type: the original leaves event_domain empty.
    async pageEvents(threadId, { after, limit, domains }) {
      const rows = await db.query<EventJson>(
        `${EVENT}
         where thread_id = jims.as_uuid($1)
           and ($2::timestamp is null or (created_at, event_id) > ($2, jims.as_uuid($3)))
           and ($4::text[] is null or split_part(event_type, '.', 1) = any ($4))
         ${IN_ORDER} limit $5`,
        [threadId, after?.createdAt, after?.id, domains, limit],
      );
      return toEvents(threadId, rows);
    },
  };
}

/** New events as the log has them, by the times that it gave them. */
export function withTimes(
  threadId: string,
  events: readonly NewEvent[],
  times: readonly string[],
): readonly ThreadEvent[] {
  return events.map(({ id, type, data }, index) => {
    const createdAt = times[index];
    if (createdAt === undefined) throw new TypeError('An event was appended without a time');
    return { id, threadId, createdAt, type, data };
  });
}
