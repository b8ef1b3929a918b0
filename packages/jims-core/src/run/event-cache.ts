import { ThreadLog } from '../pipeline/thread-log.ts';
import type { EventPosition, FreshEvents, LogTail, RunThread, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { Thread } from '../thread/thread.ts';
import { CachedThread } from './cached-thread.ts';

export interface EventCacheOptions {
  /** Of all threads, an estimate; default 48 MiB. */
  readonly maxBytes?: number;
  /** How many bytes of one thread are loaded: its newest events, one at least. */
  readonly maxThreadSize: number;
  /** Is warned of threads of which older events are left out. */
  readonly logger?: Logger;
}

const DEFAULT_BYTES = 48 * 1024 * 1024;
/** How many threads it remembers to have warned of. */
const WARNED_THREADS = 10_000;
/** The greatest id that an event can have. */
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
/** The chance of the oldest thread to be kept when room is needed, and then of the next one. */
const SPARED = 0.9;

/**
 * Keeps the events of the threads used last, so that a long thread is not read whole for every run. An
 * entry is always the end of a log: it is extended by what the store says comes after it, and cut at
 * its beginning when it grows beyond what is loaded.
 */
export class EventCache {
  readonly #store: Pick<Store, 'readTail'>;
  readonly #maxBytes: number;
  readonly #maxThreadSize: number;
  readonly #logger: Logger | undefined;
  readonly #entries = new Map<string, CachedThread>();
  readonly #threadOfContact = new Map<string, string>();
  /** Reads that are under way: a thread that is deleted meanwhile must not be kept. */
  readonly #reads = new Set<{ readonly threadId: string; isDeleted: boolean }>();
  readonly #warned = new Set<string>();
  #bytes = 0;

  constructor(
    store: Pick<Store, 'readTail'>,
    { maxBytes = DEFAULT_BYTES, maxThreadSize, logger }: EventCacheOptions,
  ) {
    this.#store = store;
    this.#maxBytes = maxBytes;
    this.#maxThreadSize = maxThreadSize;
    this.#logger = logger;
  }

  /** The newest position read of the thread that a run is for, if any is kept. */
  known(target: RunThread): { threadId: string; after: EventPosition } | undefined {
    const id =
      target.kind === 'thread' ? target.threadId : this.#threadOfContact.get(target.contactId);
    const last = this.#entries.get(id ?? '')?.last;
    return id !== undefined && last ? { threadId: id, after: last } : undefined;
  }

  /**
   * Loads the events of a thread, the newest as far as a run loads them. `fresh` saves the reading when
   * it begins where the cache ends.
   */
  async load(thread: Thread, fresh?: FreshEvents): Promise<ThreadLog> {
    const log = await this.#load(thread, fresh);
    if (log.isCut) this.#warnOfCut(thread.id);
    return log;
  }

  /** Reads what runs saw of their thread that began at these times, oldest first. Each event is read once. */
  async loadUntil(
    thread: Thread,
    times: readonly string[],
  ): Promise<ReadonlyMap<string, ThreadLog>> {
    const logs = new Map<string, ThreadLog>();
    let seen = new CachedThread(thread, this.#maxThreadSize);
    for (const time of times) {
      const { last: after } = seen;
      const tail = await this.#store.readTail(thread.id, {
        before: { createdAt: time, id: LAST_ID },
        maxBytes: this.#maxThreadSize,
        ...(after && { after }),
      });
      // More has come than is loaded: there is a gap after what was seen before.
      if (tail.isCut) seen = new CachedThread(thread, this.#maxThreadSize);
      seen.extend(tail);
      logs.set(time, seen.log.until(time));
    }
    return logs;
  }

  /** Forgets a thread that is deleted. */
  drop(threadId: string): void {
    for (const reading of this.#reads) if (reading.threadId === threadId) reading.isDeleted = true;
    const entry = this.#entries.get(threadId);
    if (entry) this.#drop(entry);
  }

  async #load(thread: Thread, fresh: FreshEvents | undefined): Promise<ThreadLog> {
    const stale = this.#entries.get(thread.id);
    // Deleted and made anew under its old id, by another process.
    if (stale && stale.thread.createdAt !== thread.createdAt) this.#drop(stale);
    const last = this.#entries.get(thread.id)?.last;
    const reading = { threadId: thread.id, isDeleted: false };
    this.#reads.add(reading);
    const tail = await this.#read(thread, last, fresh).finally(() => this.#reads.delete(reading));
    const kept = this.#entries.get(thread.id);
    // Another reader was faster, or the entry had to make room: `tail` does not fit. Reads all, keeps nothing.
    if (kept?.last !== last) return logOf(await this.#read(thread, undefined));
    if (reading.isDeleted) return logOf(tail);
    // More has come than is loaded: there is a gap after what was kept.
    if (kept && tail.isCut) this.#drop(kept);
    const entry = kept && !tail.isCut ? kept : new CachedThread(thread, this.#maxThreadSize);
    this.#keep(entry, tail);
    const { log } = entry;
    this.#makeRoom();
    return log;
  }

  async #read(
    { id }: Thread,
    last: ThreadEvent | undefined,
    fresh?: FreshEvents,
  ): Promise<LogTail> {
    if (fresh && fresh.after?.id === last?.id) return { ...fresh, isCut: false, states: [] };
    const maxBytes = this.#maxThreadSize;
    return this.#store.readTail(id, { maxBytes, ...(last && { after: last }) });
  }

  #keep(entry: CachedThread, tail: LogTail): void {
    const { id, contactId } = entry.thread;
    if (this.#entries.delete(id)) this.#bytes -= entry.bytes;
    entry.extend(tail);
    this.#bytes += entry.bytes;
    this.#entries.set(id, entry);
    if (contactId !== undefined) this.#threadOfContact.set(contactId, id);
  }

  #drop(entry: CachedThread): void {
    const { id, contactId } = entry.thread;
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
    if (contactId !== undefined && this.#threadOfContact.get(contactId) === id) {
      this.#threadOfContact.delete(contactId);
    }
  }

  /**
   * Drops old threads, but by chance not always the oldest: when more threads are used in turn than
   * there is room for, each would be dropped just before it is used again.
   */
  #makeRoom(): void {
    while (this.#bytes > this.#maxBytes) {
      for (const old of this.#entries.values()) {
        if (Math.random() < SPARED) continue;
        this.#drop(old);
        break;
      }
    }
  }

  /** Warns once of each thread, as far as they are remembered. */
  #warnOfCut(threadId: string): void {
    if (!this.#logger || this.#warned.has(threadId)) return;
    if (this.#warned.size === WARNED_THREADS) this.#warned.clear();
    this.#warned.add(threadId);
    const reason = `its runs load the newest ${this.#maxThreadSize} bytes of it, and its states`;
    this.#logger.warn({ threadId }, `a thread is larger than a run loads: ${reason}`);
  }
}

function logOf({ events, states, isCut }: LogTail): ThreadLog {
  return new ThreadLog(events, isCut ? { states } : undefined);
}
