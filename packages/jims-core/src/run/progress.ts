import type { RunOwner, RunOwnProgress, RunProgress, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { jsonSize } from '../text/json-size.ts';
import type { EventLog } from './event-log.ts';
import { Outage, pauseAfter } from './outage.ts';
import { toProgress } from './progress-rows.ts';
import { ReleasingMap } from './releasing-map.ts';
import { isRunEnd } from './run-events.ts';
import type { NumberedRunEvent } from './run-events.ts';

/** Short enough to read along, long enough that a quick run writes nothing. */
const FLUSH_MS = 250;
/** While the database is away. */
const LAST_PAUSE_MS = 5000;
/** How much one statement brings at most, as the database makes room for all of it at once. */
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

/** What is sent of a message while it is made, and is more than its event says. */
const STREAMED: ReadonlySet<NumberedRunEvent['type']> = new Set(['delta', 'reasoning', 'tool']);

interface Written {
  readonly owner: RunOwner;
  readonly stream: EventLog;
  /** The number of the newest event that was sent to the store. */
  sentSeq: number;
  /** The number of the newest event that the store is known to have. */
  storedSeq: number;
}

/** Writes the events of unfinished runs to the store, for listeners at other processes. */
export class ProgressWriter {
  readonly #store: Pick<Store, 'appendProgress'>;
  readonly #outage: Outage;
  /** Of each attempt: an earlier one may end after the next one has begun. */
  readonly #written = new ReleasingMap<RunOwner, Written>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(store: Pick<Store, 'appendProgress'>, logger: Logger) {
    this.#store = store;
    this.#outage = new Outage(logger, 'keep the progress of runs');
    this.#flushIn(FLUSH_MS);
  }

  add(stream: EventLog, owner: RunOwner): void {
    this.#written.set(owner, { stream, owner, sentSeq: 0, storedSeq: 0 });
  }

  /**
   * What is to be written with the run's end, so that those who join it at another process miss
   * nothing: nothing for a quick run that streamed nothing, as its result has it all.
   */
  rest(stream: EventLog, owner: RunOwner): readonly RunProgress[] {
    const { sentSeq = 0, storedSeq = 0 } = this.#written.get(owner) ?? {};
    // What is being written comes twice then, which does no harm.
    const news = stream.since(storedSeq);
    const isJoinable = sentSeq > 0 || news.some(({ type }) => STREAMED.has(type));
    return isJoinable ? toProgress(news.filter((event) => !isRunEnd(event))) : [];
  }

  remove(owner: RunOwner): void {
    this.#written.delete(owner);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #flushIn(ms: number): void {
    this.#timer = setTimeout(() => void this.#flushNow(), ms).unref();
  }

  async #flushNow(): Promise<void> {
    try {
      while (await this.#flush());
      this.#outage.worked();
    } catch (error) {
      if (!this.#isClosed) this.#outage.failed(error);
    }
    if (!this.#isClosed) this.#flushIn(pauseAfter(this.#outage.failures, FLUSH_MS, LAST_PAUSE_MS));
  }

  /** Writes what is new of all runs in one statement; resolves with true when there may be more. */
  async #flush(): Promise<boolean> {
    const news: { readonly written: Written; readonly lastSeq: number; own: RunOwnProgress }[] = [];
    let bytes = 0;
    for (const written of this.#written.values()) {
      const events: NumberedRunEvent[] = [];
      for (const event of written.stream.since(written.storedSeq)) {
        if (isRunEnd(event) || bytes >= MAX_STATEMENT_BYTES) break;
        events.push(event);
        bytes += 'delta' in event ? event.delta.length : jsonSize(event);
      }
      const last = events.at(-1);
      if (!last) continue;
      written.sentSeq = last.seq;
      const own = { owner: written.owner, progress: toProgress(events) };
      news.push({ written, lastSeq: last.seq, own });
      if (bytes >= MAX_STATEMENT_BYTES) break;
    }
    if (news.length === 0) return false;
    await this.#store.appendProgress(news.map(({ own }) => own));
    for (const { written, lastSeq } of news) written.storedSeq = lastSeq;
    return bytes >= MAX_STATEMENT_BYTES;
  }
}
