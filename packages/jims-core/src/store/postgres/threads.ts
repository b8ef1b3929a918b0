import { randomUUIDv7 } from 'node:crypto';

import { cleanJson } from '../../text/clean-text.ts';
import type { Thread } from '../../thread/thread.ts';
import { eraseThreads } from '../erase-threads.ts';
import type { ThreadStore } from '../thread-store.ts';
import type { ThreadWatchers } from '../thread-watchers.ts';
import type { Database } from './database.ts';
import type { NotedEvents } from './noted-events.ts';
import { eventLists, uuidOrNull } from './parameters.ts';
import type { Parameter } from './parameters.ts';
import { toThread } from './rows.ts';
import type { ThreadRow } from './rows.ts';

/** The columns of a {@link ThreadRow}. */
export const THREAD: string = `
  select thread_id as id, contact_id as "contactId", external_id as "externalId",
         jims.iso(created_at) as "createdAt", thread_config as config
  from original.threads`;

/** As the function `external_thread`: by the hash that is indexed. */
const BY_EXTERNAL_ID = `
  where hashtextextended(external_id, 0) = hashtextextended($1, 0)
    and external_id = $1 and contact_id = $2`;

/** Both functions are called in one transaction: see `Database`. */
const OPEN = `
  select opened, case when (opened->>'created')::boolean and cardinality($7::uuid[]) > 0
    then jims.append_to_thread((opened->'thread'->>'id')::uuid, $7, $8, $9, false) end
  from jims.open_thread($1, $2, $3, $4, $5, $6) as opened`;

const MERGE = `
  update original.threads
  set thread_config = case when $4::text is null then ${merged('thread_config')}
    else thread_config || jsonb_build_object($4, ${merged(`
      case when jsonb_typeof(thread_config -> $4) = 'object' then thread_config -> $4 else '{}' end`)})
    end
  where thread_id = $1
  returning jims.thread_json(thread_id, contact_id, external_id, created_at, thread_config) as thread`;

/** A JSON object with the members `$2` and without those that `$3` names. */
function merged(json: string): string {
  return `((${json}) || $2::jsonb) - array(select jsonb_array_elements_text($3::jsonb))`;
}

const NEWEST_FIRST = 'order by created_at desc, thread_id desc';
/** What one piece of an erasure removes: it takes about a tenth of a second. */
const TAKE_THREADS = 500;
const ERASE_EVENTS = 2000;
const DROP_FILES = 2000;

interface OpenedRow {
  readonly thread: ThreadRow;
  readonly created: boolean;
}

type Threads = Pick<
  ThreadStore,
  | 'openThread'
  | 'thread'
  | 'threadByExternalId'
  | 'latestThread'
  | 'updateThreadConfig'
  | 'mergeThreadConfig'
  | 'deleteThreads'
>;

/** Threads without their events. */
export function threadStore(db: Database, watchers: ThreadWatchers, noted: NotedEvents): Threads {
  async function find(
    condition: string,
    ...values: readonly Parameter[]
  ): Promise<Thread | undefined> {
    const [row] = await db.query<ThreadRow>(
      `${THREAD} ${condition} ${NEWEST_FIRST} limit 1`,
      values,
    );
    return row && toThread(row);
  }

  async function dropFiles(contactId: string): Promise<void> {
    const args = { contact_id: contactId, limit: DROP_FILES };
    while ((await db.call<number>('drop_contact_files', args)) > 0);
  }

  return {
    async openThread({ contactId, threadId, externalId, threadConfig = {}, events = [] }) {
      const { ids, types, data } = eventLists(events);
      const config = cleanJson(threadConfig);
      const newIds = [randomUUIDv7(), randomUUIDv7()];
      const values = [threadId, externalId, contactId, config, ...newIds, ids, types, data];
      const [row] = await db.query<{ opened: OpenedRow }>(OPEN, values);
      if (!row) throw new TypeError('The function open_thread gave no row');
      return { thread: toThread(row.opened.thread), created: row.opened.created };
    },

    thread: (threadId) => find('where thread_id = $1', uuidOrNull(threadId)),
    threadByExternalId: (contactId, externalId) => find(BY_EXTERNAL_ID, externalId, contactId),
    latestThread: (contactId) => find('where contact_id = $1', contactId),

    async updateThreadConfig(threadId, config) {
      const [row] = await db.query<{ thread: ThreadRow }>(
        `update original.threads set thread_config = $2 where thread_id = $1
         returning jims.thread_json(thread_id, contact_id, external_id, created_at, thread_config) as thread`,
        [uuidOrNull(threadId), cleanJson(config)],
      );
      return row && toThread(row.thread);
    },

    async mergeThreadConfig(threadId, members, within) {
      const removed = Object.keys(members).filter((name) => members[name] === null);
      const values = [uuidOrNull(threadId), cleanJson(members), cleanJson(removed), within];
      const [row] = await db.query<{ thread: ThreadRow }>(MERGE, values);
      return row && toThread(row.thread);
    },

    deleteThreads: async (which) => {
      if ('contactId' in which) await dropFiles(which.contactId);
      const erased = await eraseThreads({
        take: () =>
          db.call<readonly string[]>('take_threads', {
            ...('threadId' in which
              ? { thread_id: uuidOrNull(which.threadId) }
              : { contact_id: which.contactId }),
            limit: TAKE_THREADS,
          }),
        eraseSome: (ids) => db.call<number>('erase_some', { ids, limit: ERASE_EVENTS }),
        wake: (threadId) => watchers.wake(threadId),
      });
      // Also what lists show of them.
      if (erased.length > 0) await noted.bringIn();
      return erased;
    },
  };
}
