import { setTimeout as sleep } from 'node:timers/promises';

import { oneLine } from '../../text/one-line.ts';
import { MAX_EXCERPT, MAX_TITLE } from '../../thread/thread.ts';
import type { ThreadOverview } from '../../thread/thread.ts';
import { queryWords } from '../search-words.ts';
import { READ_BYTES } from '../thread-store.ts';
import type { ThreadList, ThreadQuery, ThreadStore } from '../thread-store.ts';
import type { Database } from './database.ts';
import { MessageIndex } from './message-index.ts';
import type { NotedEvents } from './noted-events.ts';
import { areUuids, uuidOrNull } from './parameters.ts';
import { toThread } from './rows.ts';
import type { ThreadRow } from './rows.ts';
import { THREAD } from './threads.ts';

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

/** How often a search lets the messages that are new be known before it looks, and how long it waits for others. */
const INDEX_BEFORE_SEARCH = 20;
const BUSY_MS = 20;

type Overviews = Pick<ThreadStore, 'listThreads' | 'threadOverview' | 'indexMessages'>;

/** Threads as lists show them. */
export function overviewStore(db: Database, noted: NotedEvents): Overviews {
  const index = new MessageIndex(db);

  /** What was just said is found, unless very much was said. */
  async function indexNews(): Promise<void> {
    for (let n = 0; n < INDEX_BEFORE_SEARCH; n++) {
      const { count, isBusy } = await index.next();
      if (count === 0 && !isBusy) return;
      if (isBusy) await sleep(BUSY_MS);
    }
  }

  return {
    async indexMessages() {
      const hasMore = await noted.bringInSome();
      const { count } = await index.next();
      return hasMore || count > 0;
    },

    async threadOverview(threadId) {
      await noted.bringIn();
      const row = await db.call<OverviewRow | null>('thread_overview', {
        thread_id: uuidOrNull(threadId),
      });
      return row ? toOverview(row) : withoutActivity(db, threadId);
    },

    async listThreads(query) {
      const { before, words } = query;
      if (!areUuids(before?.id)) return NOTHING;
      const wanted = words === undefined ? undefined : queryWords(words);
      if (words !== undefined && !wanted) return NOTHING;
      await noted.bringIn();
      if (!wanted) return listThreads(db, query);
      await indexNews();
      return listThreads(db, query, [...wanted.whole, wanted.beginning]);
    },
  };
}

const NOTHING: ThreadList = { threads: [], more: false };

/** @param words The last one is the beginning of a word. */
async function listThreads(
  db: Database,
  query: ThreadQuery,
  words?: readonly string[],
): Promise<ThreadList> {
  const { before, order = 'activity', maxBytes = READ_BYTES } = query;
  const { items, more } = await db.listOf<OverviewRow>('list_overviews', {
    contact_id: query.contactId,
    external_id: query.externalId,
    current: query.current ?? false,
    before: before?.createdAt,
    before_id: before?.id,
    limit: query.limit,
    max_bytes: maxBytes,
    order,
    feedback: query.feedback,
    waiting: query.waiting,
    words,
  });
  return { threads: items.map(toOverview), more };
}

/** While more came than one read brings in, the activity of a new thread may not be there yet. */
async function withoutActivity(
  db: Database,
  threadId: string,
): Promise<ThreadOverview | undefined> {
  const [row] = await db.query<ThreadRow>(`${THREAD} where thread_id = $1`, [uuidOrNull(threadId)]);
  if (!row) return undefined;
  const thread = toThread(row);
  const { createdAt: lastEventAt } = thread;
  return { ...thread, title: undefined, lastEventAt, lastMessage: undefined, isWaiting: false };
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
