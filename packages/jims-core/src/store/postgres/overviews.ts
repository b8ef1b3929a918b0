import { oneLine } from '../../text/one-line.ts';
import { MAX_EXCERPT, MAX_TITLE } from '../../thread/thread.ts';
import type { ThreadOverview } from '../../thread/thread.ts';
import { READ_BYTES } from '../thread-store.ts';
import type { ThreadList, ThreadQuery, ThreadStore } from '../thread-store.ts';
import type { Database } from './database.ts';
import { uuidOrNull } from './parameters.ts';
import { toThread } from './rows.ts';
import type { ThreadRow } from './rows.ts';

/** A thread as `jims.overview_json` makes it; its texts are cut in the server, and not yet to their lengths. */
interface OverviewRow extends ThreadRow {
  readonly title: string | null;
  readonly firstText: string | null;
  readonly lastEventAt: string;
  readonly hasMessage: boolean;
  readonly lastRole: string | null;
  readonly lastText: string | null;
  readonly isWaiting: boolean;
}

/** How many messages one call gives to the search; it ends sooner when they are long. */
const INDEX_MESSAGES = 500;
/** How often a search does so before it looks: what was just said is found, unless very much was said. */
const INDEX_BEFORE_SEARCH = 10;

type Overviews = Pick<ThreadStore, 'listThreads' | 'threadOverview' | 'indexMessages'>;

/** Threads as lists show them. */
export function overviewStore(db: Database): Overviews {
  const indexMessages = (): Promise<boolean> =>
    db.call<boolean>('index_messages', { limit: INDEX_MESSAGES });

  return {
    indexMessages,

    async threadOverview(threadId) {
      const row = await db.call<OverviewRow | null>('thread_overview', {
        thread_id: uuidOrNull(threadId),
      });
      return row ? toOverview(row) : undefined;
    },

    async listThreads(query) {
      if (query.before && uuidOrNull(query.before.id) === null) return { threads: [], more: false };
      if (query.words !== undefined) {
        for (let n = 0; n < INDEX_BEFORE_SEARCH && (await indexMessages()); n++);
      }
      return listThreads(db, query);
    },
  };
}

async function listThreads(db: Database, query: ThreadQuery): Promise<ThreadList> {
  const { before, words, order = 'activity', maxBytes = READ_BYTES } = query;
  const rows = await db.rowsOf<{ thread: OverviewRow | null; more: boolean }>('list_overviews', {
    contact_id: query.contactId,
    external_id: query.externalId,
    current: query.current ?? false,
    before: before?.createdAt,
    before_id: before?.id,
    limit: query.limit,
    max_bytes: maxBytes,
    order,
    feedback: query.feedback,
    waiting: query.waiting ?? false,
    // A string with NUL is in no message, and PostgreSQL takes none.
    words: words?.toWellFormed().replaceAll('\0', ' '),
  });
  return {
    threads: rows.flatMap(({ thread }) => (thread ? [toOverview(thread)] : [])),
    more: rows.at(-1)?.more ?? false,
  };
}

function toOverview(row: OverviewRow): ThreadOverview {
  const title = oneLine(row.title ?? '', MAX_TITLE) || oneLine(row.firstText ?? '', MAX_TITLE);
  return {
    ...toThread(row),
    title: title === '' ? undefined : title,
    lastEventAt: row.lastEventAt,
    lastMessage: row.hasMessage
      ? { role: row.lastRole ?? '', excerpt: oneLine(row.lastText ?? '', MAX_EXCERPT) }
      : undefined,
    isWaiting: row.isWaiting,
  };
}
