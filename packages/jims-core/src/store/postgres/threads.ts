import { randomUUIDv7 } from 'node:crypto';

import { cleanJson } from '../../text/clean-text.ts';
import type { NewEvent, ThreadEvent } from '../../thread/event.ts';
import { eraseThreads } from '../erase-threads.ts';
import { readTail } from '../read-tail.ts';
import { threadBusy, threadNotFound } from '../refusals.ts';
import { READ_BYTES } from '../store.ts';
import type { ThreadList, ThreadQuery, ThreadStore } from '../store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import type { Database } from './database.ts';
import { eventLists } from './parameters.ts';
import { toEvents, toThread } from './rows.ts';
import type { EventJson, ThreadJson } from './rows.ts';
import { tailSource } from './tail-source.ts';

const THREAD = `
  select thread_id as id, contact_id as "contactId", external_id as "externalId",
         jims.iso(created_at) as "createdAt", thread_config as config
  from original.threads`;

/** As the function `external_thread`: by the hash that is indexed. */
const BY_EXTERNAL_ID = `
  where hashtextextended(external_id, 0) = hashtextextended($1, 0)
    and external_id = $1 and contact_id = $2`;

const NEWEST_FIRST = 'order by created_at desc, thread_id desc';
/** How many events are looked at for those of some domains. */
const LOOK_AT = 5000;
/** What one piece of an erasure removes: it takes about a tenth of a second. */
const TAKE_THREADS = 500;
const ERASE_EVENTS = 2000;

export function threadStore(db: Database, watchers: ThreadWatchers): ThreadStore {
  async function find(
    condition: string,
    ...values: readonly string[]
  ): Promise<ReturnType<typeof toThread> | undefined> {
    const [row] = await db.query<ThreadJson>(
      `${THREAD} ${condition} ${NEWEST_FIRST} limit 1`,
      values,
    );
    return row && toThread(row);
  }

  return {
    async openThread({ contactId, threadId, externalId, threadConfig = {} }) {
      const opened = await db.call<{ thread: ThreadJson; created: boolean }>('open_thread', {
        thread_id: threadId,
        external_id: externalId,
        contact_id: contactId,
        config: cleanJson(threadConfig),
        new_thread_id: randomUUIDv7(),
        event_id: randomUUIDv7(),
      });
      return { thread: toThread(opened.thread), created: opened.created };
    },

    thread: (threadId) => find('where thread_id = jims.as_uuid($1)', threadId),
    threadByExternalId: (contactId, externalId) => find(BY_EXTERNAL_ID, externalId, contactId),
    latestThread: (contactId) => find('where contact_id = $1', contactId),

    listThreads: (query) => listThreads(db, query),

    async updateThreadConfig(threadId, config) {
      const [row] = await db.query<{ thread: ThreadJson }>(
        `update original.threads set thread_config = $2 where thread_id = jims.as_uuid($1)
         returning jims.thread_json(thread_id, contact_id, external_id, created_at, thread_config) as thread`,
        [threadId, cleanJson(config)],
      );
      return row && toThread(row.thread);
    },

    deleteThreads: (which) =>
      eraseThreads({
        take: () => takeThreads(which),
        eraseSome,
        wake: (threadId) => watchers.wake(threadId),
      }),

    async appendEvents(threadId, events, { whenIdle = false } = {}) {
      const { ids, types, data } = eventLists(events);
      const [row] = await db.query<{ times: readonly string[] | null }>(
        'select to_json(jims.append_to_thread(jims.as_uuid($1), $2, $3, $4, $5)) as times',
        [threadId, ids, types, data, whenIdle],
      );
      if (!row?.times) throw threadNotFound(threadId);
      if (row.times.length < events.length) throw threadBusy();
      watchers.wake(threadId);
      return withTimes(threadId, events, row.times);
    },

    readTail: (threadId, tail) => readTail(tailSource(db, threadId), tail),

    // The domain is told from the type: the original leaves event_domain empty.
    async pageEvents(threadId, { after, limit, domains, maxBytes = READ_BYTES }) {
      const rows = await db.query<PageRow>(
        'select * from jims.page_events(jims.as_uuid($1), $2, jims.as_uuid($3), $4, $5, $6, $7)',
        [threadId, after?.createdAt, after?.id, domains, limit, maxBytes, LOOK_AT],
      );
      const end = rows.at(-1);
      const { id, createdAt, more } = end ?? NOTHING;
      return {
        events: toEvents(threadId, rows.slice(0, -1).filter(isEvent)),
        last: id !== null && createdAt !== null ? { id, createdAt } : undefined,
        more: more ?? false,
      };
    },

    watchThread: (threadId, wake) => watchers.watch(threadId, wake),
  };

  async function takeThreads(
    which: { readonly threadId: string } | { readonly contactId: string },
  ): Promise<readonly string[]> {
    const [threadId, contactId] =
      'threadId' in which ? [which.threadId, null] : [null, which.contactId];
    const [row] = await db.query<{ ids: readonly string[] }>(
      'select to_json(jims.take_threads(jims.as_uuid($1), $2, $3)) as ids',
      [threadId, contactId, TAKE_THREADS],
    );
    return row?.ids ?? [];
  }

  async function eraseSome(threadIds: readonly string[]): Promise<number> {
    const [row] = await db.query<{ done: number }>('select jims.erase_some($1, $2) as done', [
      threadIds,
      ERASE_EVENTS,
    ]);
    return row?.done ?? 0;
  }
}

/** A row of `jims.page_events`: an event, or at the end where it ended. */
interface PageRow {
  readonly id: string | null;
  readonly createdAt: string | null;
  readonly type: string | null;
  readonly data: unknown;
  readonly more: boolean | null;
}

const NOTHING = { id: null, createdAt: null, more: false };

function isEvent(row: PageRow): row is PageRow & EventJson {
  return row.type !== null;
}

async function listThreads(
  db: Database,
  { contactId, externalId, current = false, before, limit, maxBytes = READ_BYTES }: ThreadQuery,
): Promise<ThreadList> {
  const rows = await db.query<{ thread: ThreadJson | null; more: boolean }>(
    'select * from jims.list_threads($1, $2, $3, $4, jims.as_uuid($5), $6, $7)',
    [contactId, externalId, current, before?.createdAt, before?.id, limit, maxBytes],
  );
  return {
    threads: rows.flatMap(({ thread }) => (thread ? [toThread(thread)] : [])),
    more: rows.at(-1)?.more ?? false,
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
