import { cursorOf, withRun, withStreamEvent, withoutRun } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError, notOfService } from './errors.ts';
import { follow } from './follow.ts';
import { errorOfEnd, followRun, isEnd, objectIn } from './run-stream.ts';
import { ThreadLog } from './thread-log.ts';
import { asJimsApiError } from './transport.ts';
import type { OpenAnswer, Transport } from './transport.ts';
import type { StreamEvent, ThreadEvent } from './wire.ts';

/** A run that was accepted here. */
export interface AcceptedRun {
  readonly runId: string;
  readonly stream: OpenAnswer;
  /** Whether the app may greet before it answers. */
  readonly hasGreeting: boolean;
  /** Sends the same message again: a run that was lost runs once more. */
  readonly resend: () => Promise<OpenAnswer>;
}

/** A run that failed, and the code of its error. */
interface FailedRun {
  readonly id: string;
  readonly code: string;
}

/**
 * Keeps the state of a chat up to date. It reads one stream at a time: that of the run that is going on, and
 * between runs the end of the thread's log. While a run goes on nothing else comes into the log; what it
 * sent is replaced by what is stored when it is over. So each message is there once, in the order of the log.
 */
export class ChatConnection {
  readonly log: ThreadLog;
  /** The last run that failed, for as long as nothing came after it. */
  failedRun: FailedRun | undefined;
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #accepted = new Map<string, AcceptedRun>();
  /** Streams of accepted runs that nobody reads yet. */
  readonly #streams = new Map<string, OpenAnswer>();
  /** Runs whose end was seen. */
  readonly #over = new Set<string>();
  /** The run that is executed once more, which no new message says. */
  #again: string | undefined;
  /** From start to pause. */
  #session: AbortController | undefined;
  /** Ends the reading of the log, for something else to be done. */
  #wake = new AbortController();
  #sending: Promise<unknown> | undefined;
  #isLoaded: boolean;
  readonly #closed: AbortSignal;

  constructor(
    transport: Transport,
    store: ChatStore,
    threadId: string,
    { isNew, closed }: { readonly isNew: boolean; readonly closed: AbortSignal },
  ) {
    this.#transport = transport;
    this.#store = store;
    this.#isLoaded = isNew;
    this.#closed = closed;
    this.log = new ThreadLog(transport, store, threadId);
  }

  /** Begins to follow the thread, unless that is done already. */
  start(): void {
    if (this.#session || this.#closed.aborted) return;
    this.#session = new AbortController();
    void this.#run(this.#session.signal);
  }

  /** Leaves the thread; what is known of it stays. */
  pause(): void {
    this.#session?.abort();
    this.#session = undefined;
    this.#wake.abort();
  }

  /** Reads nothing of the log until it is known what became of a message. */
  hold(sending: Promise<unknown>): void {
    this.#sending = sending;
    this.#wake.abort();
  }

  /** Follows a run that was accepted. */
  accepted(run: AcceptedRun): void {
    const { runId, stream } = run;
    const { live } = this.#store.state;
    this.#accepted.set(runId, run);
    this.#over.delete(runId);
    // A run that waits for the one that is followed is joined after that.
    if (live && live.runId !== runId) stream.guard.end();
    else this.#streams.set(runId, stream);
    this.#wake.abort();
    this.start();
  }

  /** Follows a failed run that is executed once more. */
  acceptedAgain(runId: string): void {
    this.#again = runId;
    this.#over.delete(runId);
    this.#wake.abort();
    this.start();
  }

  async #run(session: AbortSignal): Promise<void> {
    try {
      if (!this.#isLoaded) await this.#load(session);
      while (!session.aborted) {
        this.#wake = new AbortController();
        await this.#sending;
        const next = this.#nextRun();
        if (next === undefined) await this.#tail(this.#wake.signal);
        else await this.#follow(next, session);
      }
    } catch (error) {
      if (session.aborted) return;
      // What else was requested is given up, too.
      this.pause();
      this.#store.set({ error: asJimsApiError(error), isLost: false, isLoading: false });
    }
  }

  async #load(session: AbortSignal): Promise<void> {
    this.#store.set({ isLoading: true });
    const runs = await this.log.load(session);
    this.#isLoaded = true;
    const [last] = runs;
    const isGoing = runs.some(({ status }) => status === 'queued' || status === 'running');
    // The newest message of the log began the run that is going on, or one that is over.
    const newest = this.#newestRun();
    if (newest !== undefined && !isGoing) this.#over.add(newest);
    if (last?.status === 'failed' && last.error) {
      this.failedRun = { id: last.run_id, code: last.error.code };
      this.#store.set({ error: new JimsApiError(last.error.detail, last.error) });
    }
  }

  #newestRun(): string | undefined {
    const { messages } = this.#store.state;
    return messages.findLast(({ role, createdAt }) => role === 'user' && createdAt)?.id;
  }

  /** The run that is going on, as far as that is known; else one of those that wait for it. */
  #nextRun(): string | undefined {
    const waiting = this.#store.state.messages
      .filter(({ role, createdAt }) => role === 'user' && !createdAt)
      .map(({ runId }) => runId);
    return [this.#newestRun(), this.#again, ...waiting].find(
      (id) => id !== undefined && !this.#over.has(id),
    );
  }

  async #tail(signal: AbortSignal): Promise<void> {
    try {
      const batches = follow(this.#transport, `${this.log.path}/events`, {
        query: { domain: 'comm' },
        after: cursorOf(this.#store.state),
        signal,
        parse: ({ data }) => threadEventIn(data),
        ...this.#store.line,
      });
      for await (const batch of batches) {
        if (signal.aborted) return;
        const isWhole = this.log.take(batch);
        // Such as the answer of the failed run, which another page let go on.
        if (this.failedRun && batch.length > 0) this.#store.set({ error: undefined });
        this.failedRun = undefined;
        if (!isWhole || this.#nextRun() !== undefined) return;
        await this.log.refresh(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #follow(runId: string, session: AbortSignal): Promise<void> {
    const hasGreeting = this.#accepted.get(runId)?.hasGreeting === true;
    this.failedRun = undefined;
    this.#store.update((state) => withRun(state, runId, hasGreeting));
    const end = await this.#read(runId, session);
    this.#over.add(runId);
    this.#accepted.delete(runId);
    await this.log.refresh(session);
    do await this.#sending;
    while (!(await this.log.sync(session)));
    this.#store.update(withoutRun);
    if (end?.event !== 'error') return;
    const error = errorOfEnd(end);
    this.failedRun = { id: runId, code: error.code };
    this.#store.set({ error });
  }

  /** Reads a run up to its end, which is `undefined` when nothing is known of the run any more. */
  async #read(runId: string, signal: AbortSignal): Promise<StreamEvent | undefined> {
    const { live } = this.#store.state;
    const first = this.#streams.get(runId);
    this.#streams.delete(runId);
    const batches = followRun(this.#transport, runId, {
      first,
      after: live?.seq && !first ? `${live.attempt}.${live.seq}` : undefined,
      signal,
      resend: this.#accepted.get(runId)?.resend,
      ...this.#store.line,
    });
    try {
      for await (const batch of batches) {
        await this.#greeted(batch, signal);
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

  /** Before the first words of an answer the log knows whether they are a greeting. */
  async #greeted(batch: readonly StreamEvent[], signal: AbortSignal): Promise<void> {
    const { state } = this.#store;
    const { live, messages } = state;
    const isHeld = messages.some(({ id, createdAt }) => id === live?.runId && !createdAt);
    if (!live?.hasGreeting || !isHeld) return;
    const next = batch.reduce(withStreamEvent, state);
    if (next.messages.length > messages.length) await this.log.sync(signal);
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
