import { STATE_PREFIX } from '../../thread/event.ts';
import type { TailSource } from '../read-tail.ts';
import type { Database } from './database.ts';
import { toEvents } from './rows.ts';
import type { EventJson } from './rows.ts';

/** How many events one piece has at most, beside its bytes. */
const PIECE_EVENTS = 5000;

export function tailSource(db: Database, threadId: string): TailSource {
  return {
    async newest({ before, after, maxBytes }) {
      const rows = await db.query<EventJson & { bytes: number; more: boolean }>(
        `select * from jims.newest_events(
           jims.as_uuid($1), $2, jims.as_uuid($3), $4, jims.as_uuid($5), $6, $7)`,
        [
          threadId,
          before?.createdAt,
          before?.id,
          after?.createdAt,
          after?.id,
          PIECE_EVENTS,
          maxBytes,
        ],
      );
      const { bytes = 0, more = false } = rows.at(-1) ?? {};
      return { events: toEvents(threadId, rows.slice(0, -1)), bytes, more };
    },

    async statesBefore(before, except) {
      const rows = await db.query<EventJson>(
        `select id, jims.iso(created_at) as "createdAt", type, data from (
           select distinct on (event_type)
             event_id as id, created_at, event_type as type, event_data as data
           from original.thread_events
           where thread_id = jims.as_uuid($1) and (created_at, event_id) < ($2, jims.as_uuid($3))
             and event_type like '${STATE_PREFIX}%' and not event_type = any ($4)
           order by event_type, created_at desc, event_id desc
         ) as newest
         order by created_at, id`,
        [threadId, before.createdAt, before.id, [...except]],
      );
      return toEvents(threadId, rows);
    },
  };
}
