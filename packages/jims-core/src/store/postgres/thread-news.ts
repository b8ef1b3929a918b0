import type { EventPosition } from '../store.ts';
import { ThreadWatchers } from '../thread-watchers.ts';
import type { Database } from './database.ts';

/** How much of the time may go into looking: the more there is to look at, the rarer it is. */
const SHARE = 0.1;

/** The readers that wait for what is new in threads, and one look for all of them at what others wrote. */
export function createThreadWatchers(db: Database): ThreadWatchers {
  /** The newest event of each thread that the last look found. */
  let known = new Map<string, EventPosition>();
  let isLooking = false;
  let restsUntil = 0;

  async function look(): Promise<void> {
    if (isLooking || performance.now() < restsUntil) return;
    isLooking = true;
    const begun = performance.now();
    try {
      await lookAt(watchers.threadIds);
    } catch {
      // The database is away: the next look will find what this one did not.
    } finally {
      const now = performance.now();
      restsUntil = now + (now - begun) / SHARE;
      isLooking = false;
    }
  }

  async function lookAt(threadIds: readonly string[]): Promise<void> {
    const positions = threadIds.map((id) => known.get(id));
    const rows = await db.query<{ threadId: string; createdAt: string | null; id: string | null }>(
      NEWS,
      [
        threadIds,
        positions.map((position) => position?.createdAt ?? '-infinity'),
        positions.map((position) => position?.id ?? FIRST_ID),
      ],
    );
    const now = new Map(threadIds.flatMap((threadId) => entryOf(threadId, known.get(threadId))));
    for (const { threadId, createdAt, id } of rows) {
      if (createdAt !== null && id !== null) now.set(threadId, { createdAt, id });
    }
    known = now;
    for (const { threadId } of rows) watchers.wake(threadId);
  }

  const watchers = new ThreadWatchers(() => void look());
  return watchers;
}

const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** Threads that have an event after a position, or are gone, with their newest event. */
const NEWS = `
select f.thread_id as "threadId", jims.iso(e.created_at) as "createdAt", e.event_id as id
from unnest($1::uuid[], $2::timestamp[], $3::uuid[]) as f (thread_id, created_at, event_id)
left join lateral (
  select created_at, event_id from original.thread_events
  where thread_id = f.thread_id order by created_at desc, event_id desc limit 1
) as e on true
where e.event_id is null or (e.created_at, e.event_id) > (f.created_at, f.event_id)
  or not exists (select from original.threads t where t.thread_id = f.thread_id)`;

function entryOf(
  threadId: string,
  position: EventPosition | undefined,
): [threadId: string, position: EventPosition][] {
  return position ? [[threadId, position]] : [];
}
