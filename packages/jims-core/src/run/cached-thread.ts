import { ThreadLog } from '../pipeline/thread-log.ts';
import type { LogTail } from '../store/store.ts';
import { jsonSize } from '../text/json-size.ts';
import { STATE_PREFIX } from '../thread/event.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { Thread } from '../thread/thread.ts';

/** What an event costs in memory beside its data; measured. */
const BYTES_PER_EVENT = 230;

/** The end of a thread's log in memory: as much of it as the thread's runs load. */
export class CachedThread {
  readonly thread: Thread;
  readonly #maxSize: number;
  /** Shared with logs that were given away: replaced when its beginning is cut off. */
  #events: ThreadEvent[] = [];
  #size = 0;
  /** The newest value of each state that was set before `#events`; `undefined` when nothing was before. */
  #states: Map<string, ThreadEvent> | undefined;
  #bytes: number;

  constructor(thread: Thread, maxSize: number) {
    this.thread = thread;
    this.#maxSize = maxSize;
    this.#bytes = 2 * jsonSize(thread.config);
  }

  /** What it costs in memory; an estimate. */
  get bytes(): number {
    return this.#bytes;
  }

  get last(): ThreadEvent | undefined {
    return this.#events.at(-1);
  }

  get log(): ThreadLog {
    const states = this.#states;
    return new ThreadLog(this.#events, states && { states: [...states.values()] });
  }

  /** Adds the events that come next; the first ones may be the end of a longer log. */
  extend({ events, states, isCut }: LogTail): void {
    if (isCut) states.forEach((state) => this.#setState(state));
    for (const event of events) {
      const size = jsonSize(event.data);
      this.#size += size;
      this.#bytes += costOf(size);
    }
    // A copy has room for nothing more, and most threads are short: a list that grows has room for 17.
    if (this.#events.length === 0) this.#events = [...events];
    else for (const event of events) this.#events.push(event);
    if (isCut) this.#states ??= new Map();
    if (this.#size > this.#maxSize) this.#cutBeginning();
  }

  /** The newest event stays, however large it is. */
  #cutBeginning(): void {
    let removed = 0;
    while (this.#size > this.#maxSize && removed < this.#events.length - 1) {
      const event = this.#events[removed];
      if (!event) break;
      const size = jsonSize(event.data);
      this.#size -= size;
      this.#bytes -= costOf(size);
      if (event.type.startsWith(STATE_PREFIX)) this.#setState(event);
      removed++;
    }
    if (removed === 0) return;
    this.#states ??= new Map();
    this.#events = this.#events.slice(removed);
  }

  /** The newest one of its type goes to the end: they stay in the order of the log. */
  #setState(state: ThreadEvent): void {
    const states = (this.#states ??= new Map());
    const replaced = states.get(state.type);
    if (replaced) this.#bytes -= costOf(jsonSize(replaced.data));
    this.#bytes += costOf(jsonSize(state.data));
    states.delete(state.type);
    states.set(state.type, state);
  }
}

function costOf(size: number): number {
  return BYTES_PER_EVENT + 2 * size;
}
