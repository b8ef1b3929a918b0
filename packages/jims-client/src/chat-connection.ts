import { cursorOf, withRun, withStreamEvent, withoutRun } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError, notOfService } from './errors.ts';
import { follow } from './follow.ts';
import { errorOfEnd, followRun, isEnd, objectIn } from './run-stream.ts';
import { ThreadLog } from './thread-log.ts';
import { asJimsApiError } from './transport.ts';
import type { OpenAnswer } from './transport.ts';
import type { StreamEvent, ThreadEvent } from './wire.ts';

/** A run to follow. */
export interface AcceptedRun {
  readonly runId: string;
  /** Where it can be read, when that was not done yet. */
  readonly stream?: OpenAnswer | undefined;
  /** Sends the same request again: a run that was lost runs once more. */
  readonly resend?: (() => Promise<OpenAnswer | undefined>) | undefined;
}

/**
 * Keeps the state of a chat up to date. It reads one stream at a time: that of the run that is going on, and
 * between runs the end of the thread's log. While a run goes on nothing else comes into the log; what it
 * sent is replaced by what is stored when it is over. So each message is there once, in the order of the log.
 */
export class ChatConnection {
  readonly log: ThreadLog;
  /** The last run that failed, for as long as nothing came after it. */
  failedRun: string | undefined;
  readonly #store: ChatStore;
  /** Runs that are not over, in the order in which they were accepted. */
  readonly #accepted = new Map<string, AcceptedRun>();
  /** Runs whose end was seen. */
  readonly #over = new Set<string>();
  /** From start to pause. */
  #session: AbortController | undefined;
  /** Ends the reading of the log, for something else to be done. */
  #wake = new AbortController();

  constructor(store: ChatStore) {
    this.#store = store;
    this.log = new ThreadLog(store);
  }

  /** Whether nothing more will come of a run, and the chat has all of it. */
  isOver(runId: string): boolean {
    return this.#over.has(runId);
  }

  /** Begins to follow the thread, unless that is done already. */
  start(): void {
    if (this.#session || this.#store.life.signal.aborted) return;
    this.#session = new AbortController();
    void this.#run(this.#session.signal);
  }

  /** Leaves the thread; what is known of it stays. */
  pause(): void {
    this.#session?.abort();
    this.#session = undefined;
    this.wake();
  }

  /** Reads nothing more of the log before it is known what became of the messages that are on their way. */
  wake(): void {
    this.#wake.abort();
  }

  /** Follows a run that was accepted. */
  accepted(run: AcceptedRun): void {
    const { runId, stream } = run;
    const { runId: followed = runId } = this.#store.state.run ?? {};
    // A run that waits for the one that is followed is joined after that.
    const isLater = followed !== runId;
    if (isLater) stream?.guard.end();
    this.#accepted.set(runId, isLater ? { ...run, stream: undefined } : run);
    this.#over.delete(runId);
    this.wake();
    this.start();
  }

  async #run(session: AbortSignal): Promise<void> {
    try {
      if (this.#store.state.isLoading) await this.#load(session);
      while (!session.aborted) {
        this.#wake = new AbortController();
        await this.#store.sending;
        const next = this.#nextRun();
        if (next === undefined) await this.#tail(this.#wake.signal);
        else await this.#follow(next, session);
      }
    } catch (error) {
      if (session.aborted) return;
      // What else was requested is given up, too.
      this.pause();
      this.#store.fail(error, { isLost: false });
    }
  }

  async #load(session: AbortSignal): Promise<void> {
    const runs = await this.log.load(session);
    const [last] = runs;
    // The newest message of the log began the run that is going on, or one that is over.
    const newest = this.#newestRun();
    if (newest !== undefined) this.#over.add(newest);
    for (const { run_id: runId, status } of runs.toReversed()) {
      if (status === 'queued' || status === 'running') this.accepted({ runId });
    }
    if (last?.status === 'failed' && last.error) {
      this.#failed(last.run_id, new JimsApiError(last.error.detail, last.error));
    }
  }

  #failed(runId: string, error: JimsApiError): void {
    this.failedRun = runId;
    this.#store.set({ error });
  }

  #newestRun(): string | undefined {
    const { messages } = this.#store.state;
    return messages.findLast(({ role, createdAt }) => role === 'user' && createdAt)?.id;
  }

  /** The run that is going on, as far as that is known; else one of those that wait for it. */
  #nextRun(): string | undefined {
    return [this.#newestRun(), ...this.#accepted.keys()].find(
      (id) => id !== undefined && !this.#over.has(id),
    );
  }

  async #tail(signal: AbortSignal): Promise<void> {
    try {
      const batches = follow(this.#store.transport, `${this.log.path}/events`, {
        query: { domain: 'comm' },
        after: cursorOf(this.#store.state),
        signal,
        parse: ({ data }) => threadEventIn(data),
        onLine: this.#store.onLine,
      });
      for await (const batch of batches) {
        if (signal.aborted) return;
        this.log.take(batch);
        // Such as the answer of the failed run, which another page let go on.
        if (this.failedRun && batch.length > 0) this.#store.set({ error: undefined });
        this.failedRun = undefined;
        if (this.#nextRun() !== undefined) return;
        await this.log.refresh(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #follow(runId: string, session: AbortSignal): Promise<void> {
    this.failedRun = undefined;
    this.#store.update((state) => withRun(state, runId));
    const end = await this.#read(runId, session);
    await this.log.refresh(session);
    await this.log.sync(session);
    this.#over.add(runId);
    this.#accepted.delete(runId);
    this.#store.update(withoutRun);
    if (end?.event === 'error') this.#failed(runId, errorOfEnd(end));
  }

  /** Reads a run up to its end, which is `undefined` when nothing is known of the run any more. */
  async #read(runId: string, signal: AbortSignal): Promise<StreamEvent | undefined> {
    const { seq, run } = this.#store.state;
    const { stream: first, ...accepted } = this.#accepted.get(runId) ?? { runId };
    this.#accepted.set(runId, accepted);
    const batches = followRun(this.#store.transport, runId, {
      first,
      after: seq > 0 && !first ? `${run?.attempt}.${seq}` : undefined,
      signal,
      resend: accepted.resend,
      onLine: this.#store.onLine,
    });
    try {
      for await (const batch of batches) {
        this.#store.update((state) => batch.reduce(withStreamEvent, state));
        const end = batch.find(isEnd);
        if (end) return end;
      }
    } catch (error) {
      // It, or its thread, is erased: reading the log says which.
      if (asJimsApiError(error).status !== 404) throw error;
    }
    return undefined;
  }
}

function threadEventIn(data: string): ThreadEvent {
  const event = objectIn(data);
  if (isThreadEvent(event)) return event;
  throw notOfService();
}

function isThreadEvent(event: object): event is ThreadEvent {
  return 'event_id' in event;
}
