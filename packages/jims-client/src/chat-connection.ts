import { cursorOf, withRun, withStreamEvent, withoutRun } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError, notOfService } from './errors.ts';
import { follow } from './follow.ts';
import { errorOfEnd, followRun, isEnd, objectIn } from './run-stream.ts';
import { ThreadLog } from './thread-log.ts';
import { asJimsApiError } from './transport.ts';
import type { OpenAnswer } from './transport.ts';
import type { RunSummary, StreamEvent, ThreadEvent } from './wire.ts';

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
  readonly #store: ChatStore;
  /** Runs that are not over, as far as they are known, in the order in which they were accepted. */
  readonly #active = new Map<string, AcceptedRun>();
  /** From start to pause. */
  #session: AbortController | undefined;
  /** Ends the reading of the log, for something else to be done. */
  #wake = new AbortController();

  constructor(store: ChatStore) {
    this.#store = store;
    store.active = this.#active;
    this.log = new ThreadLog(store);
  }

  /** The run that is followed, or the next one that will be. */
  get current(): string | undefined {
    return this.#active.keys().next().value;
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
    const { runId } = run;
    let { stream } = run;
    // A run that waits for the one that is followed is joined after that.
    if ((this.#store.state.run?.runId ?? runId) !== runId) {
      stream?.end();
      stream = undefined;
    }
    this.#active.set(runId, { ...run, stream });
    this.wake();
    this.start();
  }

  async #run(session: AbortSignal): Promise<void> {
    try {
      if (this.#store.state.isLoading) await this.#load(session);
      while (!session.aborted) {
        this.#wake = new AbortController();
        await this.#store.sending;
        const [next] = this.#active.values();
        if (next) await this.#follow(next, session);
        else await this.#tail(this.#wake.signal);
      }
    } catch (error) {
      if (session.aborted) return;
      // What else was requested is given up, too.
      this.pause();
      this.#store.fail(error, { isLost: false });
    }
  }

  async #load(session: AbortSignal): Promise<void> {
    const [last] = this.#look(await this.log.load(session));
    this.#store.set({ isLoading: false });
    if (last?.status === 'failed' && last.error) {
      const error = new JimsApiError(last.error.detail, last.error);
      this.#store.fail(error, { failedRun: last.run_id });
    }
  }

  /** Takes the runs that go on. They are read after the log, so that what began them is known. */
  #look(runs: readonly RunSummary[]): readonly RunSummary[] {
    for (const { run_id: runId, finished_at } of runs.toReversed()) {
      if (finished_at === null && !this.#active.has(runId)) this.#active.set(runId, { runId });
    }
    return runs;
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
        if (this.#store.state.failedRun) {
          this.#store.set({ error: undefined, failedRun: undefined });
        }
        this.#look(await this.log.runs(signal));
        if (this.#active.size > 0) return;
        await this.log.refresh(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #follow(run: AcceptedRun, session: AbortSignal): Promise<void> {
    const { runId } = run;
    this.#store.update((state) => withRun(state, runId));
    const end = await this.#read(run, session);
    await this.log.refresh(session);
    await this.log.sync(session);
    const newest = this.#store.state.messages.findLast(
      ({ role, createdAt }) => role === 'user' && createdAt,
    );
    // Another page has said something meanwhile.
    if (newest && newest.id !== runId) this.#look(await this.log.runs(session));
    this.#active.delete(runId);
    this.#store.update(withoutRun);
    if (end?.event === 'error') this.#store.fail(errorOfEnd(end), { failedRun: runId });
  }

  /** Reads a run up to its end, which is `undefined` when nothing is known of the run any more. */
  async #read(
    { runId, stream: first, resend }: AcceptedRun,
    signal: AbortSignal,
  ): Promise<StreamEvent | undefined> {
    const { seq, run } = this.#store.state;
    this.#active.set(runId, { runId, resend });
    const batches = followRun(this.#store.transport, runId, {
      first,
      after: seq > 0 && !first ? `${run?.attempt}.${seq}` : undefined,
      signal,
      resend,
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
