import type { EventPosition } from '../thread-store.ts';
import { ThreadWatchers } from '../thread-watchers.ts';
import type { Database } from './database.ts';

/** The most of the time that is spent on looking: after a look it rests ten times as long. */
const SHARE = 0.1;
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

/** Looks for what other processes wrote to the threads that are watched: one look for all of them. */
export class ThreadNews {
  readonly watchers: ThreadWatchers = new ThreadWatchers(() => void this.#look());
  readonly #db: Database;
  /** The newest event of each thread that the last look found. */
  #newest: ReadonlyMap<string, EventPosition> = new Map();
  #isLooking = false;
  #restsUntil = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  async #look(): Promise<void> {
    if (this.#isLooking || performance.now() < this.#restsUntil) return;
    this.#isLooking = true;
    const begun = performance.now();
    try {
      await this.#lookAt(this.watchers.threadIds);
    } catch {
      // The database is away: the next look will find what this one did not.
    } finally {
      const now = performance.now();
      this.#restsUntil = now + (now - begun) / SHARE;
      this.#isLooking = false;
    }
  }

  async #lookAt(threadIds: readonly string[]): Promise<void> {
    const known = threadIds.map((id) => this.#newest.get(id));
    const rows = await this.#db.query<{
      threadId: string;
      createdAt: string | null;
      id: string | null;
    }>(NEWS, [
      threadIds,
      known.map((position) => position?.createdAt ?? '-infinity'),
      known.map((position) => position?.id ?? FIRST_ID),
    ]);
    const newest = new Map<string, EventPosition>();
    for (const [index, threadId] of threadIds.entries()) {
      const position = known[index];
      if (position) newest.set(threadId, position);
    }
    for (const { threadId, createdAt, id } of rows) {
      if (createdAt !== null && id !== null) newest.set(threadId, { createdAt, id });
    }
    this.#newest = newest;
    for (const { threadId } of rows) this.watchers.wake(threadId);
  }
}
