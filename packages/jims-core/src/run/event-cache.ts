import { ThreadLog } from '../pipeline/thread-log.ts';
import type { EventPosition, FreshEvents, LogTail, RunThread, Store } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { Thread } from '../thread/thread.ts';
import { CachedThread } from './cached-thread.ts';

/** What a process has read of threads, so that a long one is not read whole for every run. */
export interface EventCache {
  /** The newest position read of the thread that a run is for, if any is kept. */
  known(target: RunThread): { threadId: string; after: EventPosition } | undefined;
  /**
   * The events of the thread, the newest as far as a run loads them. `fresh` saves the reading when it
   * begins where the cache ends.
   */
  load(thread: Thread, fresh?: FreshEvents): Promise<ThreadLog>;
  /** Forgets a thread that is deleted. */
  drop(threadId: string): void;
}

export interface EventCacheOptions {
  /** For all threads, an estimate. */
  readonly maxBytes: number;
  /** How much of one thread is loaded: its newest events, one at least. */
  readonly maxThreadSize: number;
  /** Called for each load of a thread of which older events are left out. */
  readonly onCut?: (threadId: string) => void;
}

/** The chance of the oldest thread to be kept when room is needed, and then of the next one. */
const SPARED = 0.9;

/**
 * Keeps the events of the threads used last. An entry is extended by what the store says comes after
 * it, and cut at its beginning when it grows beyond what is loaded: it is always an end of the log.
 */
export function createEventCache(
  store: Pick<Store, 'readTail'>,
  { maxBytes, maxThreadSize, onCut = () => {} }: EventCacheOptions,
): EventCache {
  const entries = new Map<string, CachedThread>();
  const threadOfContact = new Map<string, string>();
  /** Reads that are under way: what is deleted meanwhile must not be kept. */
  const reads = new Set<{ readonly threadId: string; isDeleted: boolean }>();
  let bytes = 0;

  function keep(entry: CachedThread, tail: LogTail): void {
    const { id, contactId } = entry.thread;
    if (entries.delete(id)) bytes -= entry.bytes;
    entry.extend(tail);
    bytes += entry.bytes;
    entries.set(id, entry);
    if (contactId !== undefined) threadOfContact.set(contactId, id);
  }

  function drop(entry: CachedThread): void {
    const { id, contactId } = entry.thread;
    entries.delete(id);
    bytes -= entry.bytes;
    if (contactId !== undefined && threadOfContact.get(contactId) === id) {
      threadOfContact.delete(contactId);
    }
  }

  /**
   * Lets go of old threads, but by chance not always of the oldest: when more are talked in, one after
   * the other, than there is room for, each would be pushed out just before its turn.
   */
  function makeRoom(): void {
    while (bytes > maxBytes) {
      for (const old of entries.values()) {
        if (Math.random() < SPARED) continue;
        drop(old);
        break;
      }
    }
  }

  async function read(
    { id }: Thread,
    last: ThreadEvent | undefined,
    fresh?: FreshEvents,
  ): Promise<LogTail> {
    if (fresh && fresh.after?.id === last?.id) return { ...fresh, isCut: false, states: [] };
    return store.readTail(id, { maxBytes: maxThreadSize, ...(last && { after: last }) });
  }

  async function load(thread: Thread, fresh: FreshEvents | undefined): Promise<ThreadLog> {
    const stale = entries.get(thread.id);
    // Deleted and made anew under its old id, by another process.
    if (stale && stale.thread.createdAt !== thread.createdAt) drop(stale);
    const last = entries.get(thread.id)?.last;
    const reading = { threadId: thread.id, isDeleted: false };
    reads.add(reading);
    const tail = await read(thread, last, fresh).finally(() => reads.delete(reading));
    const kept = entries.get(thread.id);
    // Another reader of the same thread was faster, or the entry had to make room meanwhile.
    if (kept?.last !== last) return logOf(await read(thread, undefined));
    if (reading.isDeleted) return logOf(tail);
    // More has come than is loaded: what was kept does not meet it.
    if (kept && tail.isCut) drop(kept);
    const entry = kept && !tail.isCut ? kept : new CachedThread(thread, maxThreadSize);
    keep(entry, tail);
    const { log } = entry;
    makeRoom();
    return log;
  }

  return {
    known(target) {
      const id = target.kind === 'thread' ? target.threadId : threadOfContact.get(target.contactId);
      const last = entries.get(id ?? '')?.last;
      return id !== undefined && last ? { threadId: id, after: last } : undefined;
    },

    async load(thread, fresh) {
      const log = await load(thread, fresh);
      if (log.isCut) onCut(thread.id);
      return log;
    },

    drop(threadId) {
      for (const reading of reads) if (reading.threadId === threadId) reading.isDeleted = true;
      const entry = entries.get(threadId);
      if (entry) drop(entry);
    },
  };
}

function logOf({ events, states, isCut }: LogTail): ThreadLog {
  return new ThreadLog(events, isCut ? { states } : undefined);
}
