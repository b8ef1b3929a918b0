import { jsonSize } from '../json-size.ts';
import type { EventPosition, FreshEvents, LogTail, RunThread, Store } from '../store/store.ts';
import { STATE_PREFIX } from '../thread/event.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { ThreadLog } from '../thread/thread-log.ts';
import type { Thread } from '../thread/thread.ts';

interface Entry {
  readonly thread: Thread;
  /** The end of the log; replaced and not changed when its beginning is cut off, as others hold it. */
  events: ThreadEvent[];
  /** What each of them counts as. */
  sizes: number[];
  /** The newest value of each state that was set before `events`; `undefined` while these are all. */
  states: Map<string, ThreadEvent> | undefined;
  /** What of the log is kept. */
  logBytes: number;
  /** What it costs in memory. */
  bytes: number;
}

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
  readonly maxThreadBytes: number;
  /** Called for each load of a thread of which older events are left out. */
  readonly onCut?: (threadId: string) => void;
}

/** Measured, without its data. */
const BYTES_PER_EVENT = 230;
/** The chance of the oldest thread to be kept when room is needed, and then of the next one. */
const SPARED = 0.9;

/**
 * Keeps the events of the threads used last. An entry is extended by what the store says comes after
 * it, and cut at its beginning when it grows beyond what is loaded: it is always an end of the log.
 */
export function createEventCache(
  store: Pick<Store, 'readTail'>,
  { maxBytes, maxThreadBytes, onCut = () => {} }: EventCacheOptions,
): EventCache {
  const entries = new Map<string, Entry>();
  const threadOfContact = new Map<string, string>();
  /** Reads that are under way: what is deleted meanwhile must not be kept. */
  const loads = new Set<{ readonly threadId: string; isDeleted: boolean }>();
  let bytes = 0;

  function add(thread: Thread): Entry {
    const entry: Entry = {
      thread,
      events: [],
      sizes: [],
      states: undefined,
      logBytes: 0,
      bytes: 2 * jsonSize(thread.config),
    };
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

  function extend(entry: Entry, { events, states, isCut }: LogTail): void {
    const before = entry.bytes;
    for (const event of events) {
      const size = jsonSize(event.data);
      entry.events.push(event);
      entry.sizes.push(size);
      entry.logBytes += size;
      entry.bytes += costOf(size);
    }
    if (isCut) {
      entry.states = new Map();
      for (const state of states) setState(entry, entry.states, state);
    }
    if (entry.logBytes > maxThreadBytes) cutBeginning(entry);
    bytes += entry.bytes - before;
  }

  function cutBeginning(entry: Entry): void {
    const states = (entry.states ??= new Map());
    let removed = 0;
    while (entry.logBytes > maxThreadBytes && removed < entry.events.length - 1) {
      const [event, size] = [entry.events[removed], entry.sizes[removed]];
      if (!event || size === undefined) break;
      entry.logBytes -= size;
      entry.bytes -= costOf(size);
      if (event.type.startsWith(STATE_PREFIX)) setState(entry, states, event);
      removed++;
    }
    entry.events = entry.events.slice(removed);
    entry.sizes = entry.sizes.slice(removed);
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

  async function read(thread: Thread, after: EventPosition | undefined): Promise<LogTail> {
    return store.readTail(thread.id, { maxBytes: maxThreadBytes, ...(after && { after }) });
  }

  async function readUnlessFresh(
    thread: Thread,
    last: ThreadEvent | undefined,
    fresh: FreshEvents | undefined,
  ): Promise<LogTail> {
    if (fresh && fresh.after?.id === last?.id) return { ...fresh, isCut: false, states: [] };
    return read(thread, last);
  }

  async function load(thread: Thread, fresh: FreshEvents | undefined): Promise<ThreadLog> {
    const stale = entries.get(thread.id);
    // Deleted and made anew under its old id, by another process.
    if (stale && stale.thread.createdAt !== thread.createdAt) drop(stale);
    const last = lastOf(entries.get(thread.id));
    const mark = { threadId: thread.id, isDeleted: false };
    loads.add(mark);
    const tail = await readUnlessFresh(thread, last, fresh).finally(() => loads.delete(mark));
    const kept = entries.get(thread.id);
    if (mark.isDeleted) return logOf(tail);
    // Another reader of the same thread was faster, or the entry had to make room meanwhile.
    if (lastOf(kept) !== last) return logOf(await read(thread, undefined));
    // More has come than is loaded: what was kept does not meet it.
    if (kept && tail.isCut) drop(kept);
    const entry = kept && !tail.isCut ? kept : add(thread);
    use(entry);
    extend(entry, tail);
    const { events, states } = entry;
    makeRoom();
    return new ThreadLog(events, states && { states: [...states.values()] });
  }

  return {
    known(target) {
      const id = target.kind === 'thread' ? target.threadId : threadOfContact.get(target.contactId);
      const last = lastOf(entries.get(id ?? ''));
      return id !== undefined && last ? { threadId: id, after: last } : undefined;
    },

    async load(thread, fresh) {
      const log = await load(thread, fresh);
      if (log.isCut) onCut(thread.id);
      return log;
    },

    drop(threadId) {
      for (const mark of loads) if (mark.threadId === threadId) mark.isDeleted = true;
      const entry = entries.get(threadId);
      if (entry) drop(entry);
    },
  };
}

/** The newest one of its type, at the end: they stay in the order of the log. */
function setState(entry: Entry, states: Map<string, ThreadEvent>, state: ThreadEvent): void {
  const replaced = states.get(state.type);
  if (replaced) entry.bytes -= costOf(jsonSize(replaced.data));
  entry.bytes += costOf(jsonSize(state.data));
  states.delete(state.type);
  states.set(state.type, state);
}

function logOf({ events, states, isCut }: LogTail): ThreadLog {
  return new ThreadLog(events, isCut ? { states } : undefined);
}

function lastOf(entry: Entry | undefined): ThreadEvent | undefined {
  return entry?.events.at(-1);
}

function costOf(size: number): number {
  return BYTES_PER_EVENT + 2 * size;
}
