import { jsonSize } from '../json-size.ts';
import type { EventPosition, FreshEvents, RunThread, Store } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { ThreadLog } from '../thread/thread-log.ts';
import type { Thread } from '../thread/thread.ts';

interface Entry {
  readonly thread: Thread;
  readonly events: ThreadEvent[];
  bytes: number;
}

/** What a process has read of threads, so that a long one is not read whole for every run. */
export interface EventCache {
  /** The newest position read of the thread that a run is for, if any is kept. */
  known(target: RunThread): { threadId: string; after: EventPosition } | undefined;
  /** All events of the thread. `fresh` saves the reading when it begins where the cache ends. */
  load(thread: Thread, fresh?: FreshEvents): Promise<ThreadLog>;
  /** Forgets a thread that is deleted. */
  drop(threadId: string): void;
}

/** Measured, without its data. */
const BYTES_PER_EVENT = 230;
/** The chance of the oldest thread to be kept when room is needed, and then of the next one. */
const SPARED = 0.9;

/**
 * Keeps the events of the threads used last, bounded by `maxBytes` (an estimate). An entry is only
 * ever extended by what the store says comes after it, so it is always a beginning of the log.
 */
export function createEventCache(store: Store, maxBytes: number): EventCache {
  const entries = new Map<string, Entry>();
  const threadOfContact = new Map<string, string>();
  let bytes = 0;

  function add(thread: Thread): Entry {
    const entry = { thread, events: [], bytes: 2 * jsonSize(thread.config) };
    bytes += entry.bytes;
    return entry;
  }

  function use(entry: Entry): void {
    const { id, contactId } = entry.thread;
    entries.delete(id);
    entries.set(id, entry);
    if (contactId !== undefined) threadOfContact.set(contactId, id);
  }

  function drop(entry: Entry): void {
    const { id, contactId } = entry.thread;
    entries.delete(id);
    bytes -= entry.bytes;
    if (contactId !== undefined && threadOfContact.get(contactId) === id) {
      threadOfContact.delete(contactId);
    }
  }

  function extend(entry: Entry, fresh: readonly ThreadEvent[]): void {
    let added = 0;
    for (const event of fresh) {
      entry.events.push(event);
      added += estimate(event);
    }
    entry.bytes += added;
    bytes += added;
    makeRoom();
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

  return {
    known(target) {
      const id = target.kind === 'thread' ? target.threadId : threadOfContact.get(target.contactId);
      const last = lastOf(entries.get(id ?? ''));
      return id !== undefined && last ? { threadId: id, after: last } : undefined;
    },

    async load(thread, fresh) {
      const stale = entries.get(thread.id);
      // Deleted and made anew under its old id, by another process.
      if (stale && stale.thread.createdAt !== thread.createdAt) drop(stale);
      const last = lastOf(entries.get(thread.id));
      const usable = fresh && fresh.after?.id === last?.id;
      const added = usable ? fresh.events : await store.readEvents(thread.id, last);
      const kept = entries.get(thread.id);
      // Another reader of the same thread was faster, or the entry had to make room meanwhile.
      if (lastOf(kept) !== last) return new ThreadLog(await store.readEvents(thread.id));
      const entry = kept ?? add(thread);
      use(entry);
      extend(entry, added);
      return new ThreadLog(entry.events);
    },

    drop(threadId) {
      const entry = entries.get(threadId);
      if (entry) drop(entry);
    },
  };
}

function lastOf(entry: Entry | undefined): ThreadEvent | undefined {
  return entry?.events.at(-1);
}

function estimate({ data }: ThreadEvent): number {
  return BYTES_PER_EVENT + 2 * jsonSize(data);
}
