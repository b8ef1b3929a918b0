import { JimsApiError } from 'jims-client';

import type { Service } from './service.ts';
import { Store } from './store.ts';
import type { Trace } from './wire.ts';

export interface TraceSnapshot {
  readonly trace: Trace | undefined;
  /** When the trace was read, in milliseconds since 1970. */
  readonly readAt: number;
  readonly error: unknown;
}

const POLL_MS = 400;
const SLOWEST_POLL_MS = 5000;

/** The trace of a run, read again and again while the run goes on. */
export class TraceWatch extends Store<TraceSnapshot> {
  readonly #service: Service;
  readonly #runId: string;
  readonly #attempt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

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

  async #read(): Promise<void> {
    const started = Date.now();
    try {
      const trace = await this.#service.trace(this.#runId, this.#attempt);
      if (this.#isClosed) return;
      this.update({ trace, readAt: Date.now(), error: undefined });
      if (trace.finished_at === null) this.#later(started);
    } catch (error) {
      if (this.#isClosed) return;
      this.update({ error });
      if (error instanceof JimsApiError && error.status === 404) return;
      this.#later(started - 1000);
    }
  }

  /** A large trace that takes long to read is read less often. */
  #later(started: number): void {
    const ms = Math.min(SLOWEST_POLL_MS, Math.max(POLL_MS, (Date.now() - started) * 3));
    this.#timer = setTimeout(() => void this.#read(), ms);
  }
}
