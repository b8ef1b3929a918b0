import { STATE_PREFIX } from '../../thread/event.ts';
import { readTail } from '../read-tail.ts';
import type { TailSource } from '../read-tail.ts';
import { threadBusy, threadNotFound } from '../refusals.ts';
import { READ_BYTES } from '../thread-store.ts';
import type { ThreadStore } from '../thread-store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import type { Database } from './database.ts';
import { eventLists, uuidOrNull } from './parameters.ts';
import { toEvents, withTimes } from './rows.ts';
import type { EventRow } from './rows.ts';

/** How many events a page looks at to find those of some domains. */
const LOOK_AT = 5000;
/** How many events a piece of a tail has at most, beside its bytes. */
const PIECE_EVENTS = 5000;

type Events = Pick<ThreadStore, 'appendEvents' | 'readTail' | 'pageEvents' | 'watchThread'>;

/** The events of threads. */
export function eventStore(db: Database, watchers: ThreadWatchers): Events {
  return {
    async appendEvents(threadId, events, { whenIdle = false } = {}) {
      const times = await db.call<readonly string[] | null>('append_to_thread', {
        thread_id: uuidOrNull(threadId),
        ...eventLists(events),
        when_idle: whenIdle,
      });
      if (!times) throw threadNotFound(threadId);
      if (times.length < events.length) throw threadBusy();
      watchers.wake(threadId);
      return withTimes(threadId, events, times);
    },

    readTail: (threadId, tail) => readTail(tailSource(db, threadId), tail),

    // The domain is read from the type: the original leaves event_domain empty.
    async pageEvents(threadId, { after, before, order, limit, domains, maxBytes = READ_BYTES }) {
      const rows = await db.rowsOf<PageRow>('page_events', {
        thread_id: uuidOrNull(threadId),
        created_at: after?.createdAt,
        id: uuidOrNull(after?.id),
        before: before?.createdAt,
        before_id: uuidOrNull(before?.id),
        newest_first: order === 'desc',
        domains,
        limit,
        max_bytes: maxBytes,
        look_at: LOOK_AT,
      });
      const { id, createdAt, more } = rows.at(-1) ?? NOTHING;
      return {
        events: toEvents(threadId, rows.slice(0, -1).filter(isEvent)),
        last: id !== null && createdAt !== null ? { id, createdAt } : undefined,
        more: more ?? false,
      };
    },

    watchThread: (threadId, wake) => watchers.watch(threadId, wake),
  };
}

/** A row of `jims.page_events`: an event, or, as the last one, where the page ended. */
interface PageRow {
  readonly id: string | null;
  readonly createdAt: string | null;
  readonly type: string | null;
  readonly data: unknown;
  readonly more: boolean | null;
}

const NOTHING = { id: null, createdAt: null, more: false };

function isEvent(row: PageRow): row is PageRow & EventRow {
  return row.type !== null;
}

function tailSource(db: Database, threadId: string): TailSource {
  return {
    async newest({ before, after, maxBytes }) {
      const rows = await db.rowsOf<EventRow & { bytes: number; more: boolean }>('newest_events', {
        thread_id: uuidOrNull(threadId),
        before: before?.createdAt,
        before_id: uuidOrNull(before?.id),
        after: after?.createdAt,
        after_id: uuidOrNull(after?.id),
        limit: PIECE_EVENTS,
        max_bytes: maxBytes,
      });
      const { bytes = 0, more = false } = rows.at(-1) ?? {};
      return { events: toEvents(threadId, rows.slice(0, -1)), bytes, more };
    },

    async statesBefore(before, except) {
      const rows = await db.query<EventRow>(
        `select id, jims.iso(created_at) as "createdAt", type, data from (
           select distinct on (event_type)
             event_id as id, created_at, event_type as type, event_data as data
           from original.thread_events
           where thread_id = $1 and (created_at, event_id) < ($2, $3)
             and event_type like '${STATE_PREFIX}%' and not event_type = any ($4)
           order by event_type, created_at desc, event_id desc
         ) as newest
         order by created_at, id`,
        [uuidOrNull(threadId), before.createdAt, uuidOrNull(before.id), [...except]],
      );
      return toEvents(threadId, rows);
    },
  };
}
