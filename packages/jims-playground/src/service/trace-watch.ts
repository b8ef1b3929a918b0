import type { Trace } from 'jims-client';
import { JimsApiError } from 'jims-client';

import type { Service } from './service.ts';
import { Store } from './store.ts';

export interface TraceSnapshot {
  readonly trace: Trace | undefined;
  /** When the trace was read, in milliseconds since 1970. */
  readonly readAt: number;
  readonly error: unknown;
}

const POLL_MS = 400;
const SLOWEST_POLL_MS = 5000;
const END_POLL_MS = 100;
/** So often the end of a run that is over is looked for: a process that was killed has left none. */
const MAX_END_READS = 10;

/** The trace of a run, read again and again while the run goes on. */
export class TraceWatch extends Store<TraceSnapshot> {
  readonly #service: Service;
  readonly #runId: string;
  readonly #attempt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #isReading = false;
  #isOver = false;
  #endReads = 0;

  constructor(service: Service, runId: string, attempt?: number) {
    super({ trace: undefined, readAt: 0, error: undefined });
    this.#service = service;
    this.#runId = runId;
    this.#attempt = attempt;
    void this.#read();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Reads the end at once, which the list of runs has seen first. */
  runIsOver(): void {
    if (this.#isOver || this.#isClosed) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    const started = Date.now();
    this.#isReading = true;
    try {
      const trace = await this.#service.trace(this.#runId, this.#attempt);
      if (this.#isClosed) return;
      this.update({ trace, readAt: Date.now(), error: undefined });
      if (this.#isOver || trace.finished_at !== null) this.#readEnd(trace, started);
      else this.#later(started);
    } catch (error) {
      if (this.#isClosed) return;
      this.update({ error });
      if (error instanceof JimsApiError && error.status === 404) return;
      this.#later(started - 1000);
    } finally {
      this.#isReading = false;
    }
  }

  /** The last entries come a moment after the end. */
  #readEnd({ entries, finished_at: finishedAt, kept }: Trace, started: number): void {
    const hasEnd = finishedAt !== null && (!kept || entries.some(({ kind }) => kind === 'end'));
    if (hasEnd) return;
    this.#endReads += 1;
    if (this.#endReads < MAX_END_READS) this.#later(started, END_POLL_MS);
    else if (finishedAt === null) this.#later(started);
  }

  /** A large trace that takes long to read is read less often. */
  #later(started: number, leastMs = POLL_MS): void {
    const ms = Math.min(SLOWEST_POLL_MS, Math.max(leastMs, (Date.now() - started) * 3));
    this.#timer = setTimeout(() => void this.#read(), ms);
  }
}
