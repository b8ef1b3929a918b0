import { withEvents, withRun, withStreamEvent, withoutRun } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError } from './errors.ts';
import { follow } from './follow.ts';
import type { OpenStream } from './follow.ts';
import { pause, pauseBefore } from './pause.ts';
import { MAX_RESENDS, followRun, isEnd, isLost, objectIn } from './run-stream.ts';
import { ThreadLog } from './thread-log.ts';
import { asJimsApiError } from './transport.ts';
import type { Transport } from './transport.ts';
import type { StreamEvent, ThreadEvent } from './wire.ts';

/** A run that was accepted here. */
export interface AcceptedRun {
  readonly runId: string;
  /** Its stream, where there is one. */
  readonly stream?: OpenStream | undefined;
  /** Whether the app may greet before it answers. */
  readonly hasGreeting?: boolean;
  /** Sends the same message again: a run that was lost runs once more. */
  readonly resend?: (() => Promise<AcceptedRun>) | undefined;
}

/**
 * Keeps the state of a chat up to date. It reads one stream at a time: that of the run that is going on, and
 * between runs the end of the thread's log. While a run goes on nothing else comes into the log; what it
 * sent is replaced by what is stored when it is over. So each message is there once, in the order of the log.
 */
export class ChatConnection {
  readonly log: ThreadLog;
  readonly #transport: Transport;
  readonly #store: ChatStore;
  readonly #closed: AbortSignal;
  /** One connection to the thread, from start to pause. */
  #session = new AbortController();
  readonly #accepted = new Map<string, AcceptedRun>();
  /** Runs whose end was seen. */
  readonly #over = new Set<string>();
  /** Ends the reading of the log, for something else to be done. */
  #wake = new AbortController();
  #sending: Promise<unknown> = Promise.resolve();
  #isRunning = false;
  #isLoaded: boolean;

  constructor(
    transport: Transport,
    store: ChatStore,
    {
      threadId,
      isNew,
      signal,
    }: { readonly threadId: string; readonly isNew: boolean; readonly signal: AbortSignal },
  ) {
    this.#transport = transport;
    this.#store = store;
    this.#isLoaded = isNew;
    this.#closed = signal;
    this.log = new ThreadLog(transport, store, { threadId, onLost: this.#lost });
  }

  /** Begins to follow the thread, unless that is done already. */
  start(): void {
    if (this.#isRunning || this.#closed.aborted) return;
    this.#isRunning = true;
    this.#session = new AbortController();
    void this.#run(this.#session.signal);
  }

  /** Leaves the thread; what is known of it stays. */
  pause(): void {
    this.#isRunning = false;
    this.#session.abort();
    this.#wake.abort();
  }

  /** Reads nothing of the log until it is known what became of a message. */
  hold(sending: Promise<unknown>): void {
    this.#sending = sending.catch(() => {});
    this.#wake.abort();
  }

  /** Follows a run that was accepted. */
  accepted(run: AcceptedRun): void {
    this.#accepted.set(run.runId, run);
    this.#over.delete(run.runId);
    this.#wake.abort();
    this.start();
  }

  async #run(session: AbortSignal): Promise<void> {
    try {
      if (!this.#isLoaded) await this.#load(session);
      while (!session.aborted) {
        this.#wake = new AbortController();
        await this.#sending;
        if (session.aborted) return;
        const next = this.#nextRun();
        await (next === undefined ? this.#tail() : this.#follow(next, session));
      }
    } catch (error) {
      if (session.aborted) return;
      this.#store.set({ error: asJimsApiError(error), isLost: false, isLoading: false });
      this.#isRunning = false;
    }
  }

  async #load(session: AbortSignal): Promise<void> {
    this.#store.set({ isLoading: true });
    const runs = await this.log.load(session);
    this.#isLoaded = true;
    this.#found();
    const going = runs.filter(({ status }) => status === 'queued' || status === 'running');
    // The newest message of the log began the run that is going on, or one that is over.
    const newest = this.#newestRun();
    if (newest !== undefined && going.length === 0) this.#over.add(newest);
    const last = runs[0];
    if (last?.status === 'failed' && last.error) {
      this.failedRun = last.run_id;
      const { code, detail } = last.error;
      this.#store.set({ error: new JimsApiError(detail, { code }) });
    }
  }

  /** The last run that failed, for as long as nothing came after it. */
  failedRun: string | undefined;

  #newestRun(): string | undefined {
    const users = this.#store.state.log.filter(({ event_data }) => event_data['role'] === 'user');
    return users.at(-1)?.event_id;
  }

  /** The run that is going on, as far as that is known; else one of those that wait for it. */
  #nextRun(): string | undefined {
    const waiting = this.#store.state.outbox.map(({ runId }) => runId);
    return [this.#newestRun(), ...waiting].find((id) => id !== undefined && !this.#over.has(id));
  }

  async #tail(): Promise<void> {
    const { signal } = this.#wake;
    try {
      const batches = follow<ThreadEvent>(this.#transport, `${this.log.path}/events`, {
        query: { domain: 'comm' },
        after: this.log.cursor,
        signal,
        parse: ({ data }) => objectIn(data) as ThreadEvent,
        onLost: this.#lost,
        onOpen: this.#found,
      });
      for await (const batch of batches) {
        if (signal.aborted) return;
        this.#store.update((state) => withEvents(state, batch));
        if (this.#nextRun() !== undefined) return;
        await this.log.refresh(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #follow(runId: string, session: AbortSignal): Promise<void> {
    const own = this.#accepted.get(runId);
    this.failedRun = undefined;
    this.#store.update((state) => withRun(state, runId, own?.hasGreeting));
    const end = await this.#read(runId, session);
    this.#over.add(runId);
    this.#accepted.delete(runId);
    await this.#sending;
    await Promise.all([this.log.sync(session), this.log.refresh(session)]);
    this.#store.update(withoutRun);
    this.#unstored(runId);
    if (end?.event === 'error') {
      this.failedRun = runId;
      const { code = 'pipeline_failed', detail } = end.data;
      this.#store.set({ error: new JimsApiError(detail, { code }) });
    }
  }

  /** A run that was stopped while it waited has left nothing: its message was never stored. */
  #unstored(runId: string): void {
    this.#store.update((state) => ({
      ...state,
      outbox: state.outbox.map((each) =>
        each.runId === runId ? { ...each, state: 'failed' as const } : each,
      ),
    }));
  }

  /** Reads a run up to its end, which is `undefined` when nothing is known of the run any more. */
  async #read(runId: string, session: AbortSignal): Promise<StreamEvent | undefined> {
    let own = this.#accepted.get(runId);
    for (let resends = 0; ; resends++) {
      const end = await this.#readOnce(runId, own?.stream, session);
      const again = resends < MAX_RESENDS && end && isLost(end) ? own?.resend : undefined;
      if (!again) {
        if (end) this.#store.update((state) => withStreamEvent(state, end));
        return end;
      }
      await pause(pauseBefore(resends + 1), session);
      own = await again();
    }
  }

  async #readOnce(
    runId: string,
    first: OpenStream | undefined,
    signal: AbortSignal,
  ): Promise<StreamEvent | undefined> {
    const { live } = this.#store.state;
    const after = live?.seq ? `${live.attempt}.${live.seq}` : '';
    const read = { first, after, signal, onLost: this.#lost, onOpen: this.#found };
    try {
      for await (const batch of followRun(this.#transport, runId, read)) {
        await this.#greeted(batch, signal);
        const last = batch.at(-1);
        const isOver = last !== undefined && isEnd(last);
        const rest = isOver ? batch.slice(0, -1) : batch;
        this.#store.update((state) => rest.reduce(withStreamEvent, state));
        if (isOver) return last;
      }
    } catch (error) {
      // It, or its thread, is erased: reading the log says which.
      if (asJimsApiError(error).status !== 404) throw error;
    }
    return undefined;
  }

  /** Before the first words of an answer the log knows whether they are a greeting. */
  async #greeted(batch: readonly StreamEvent[], session: AbortSignal): Promise<void> {
    const { live, outbox } = this.#store.state;
    if (!live?.hasGreeting || !outbox.some(({ runId }) => runId === live.runId)) return;
    const isNew = ({ event, data }: StreamEvent): boolean => {
      const id = event === 'event' ? data.event_id : 'message_id' in data && data.message_id;
      return id !== false && !live.messages.some((message) => message.id === id);
    };
    if (batch.some(isNew)) await this.log.sync(session);
  }

  readonly #lost = (): void => this.#store.set({ isLost: true });

  readonly #found = (): void => {
    if (this.#store.state.isLost) this.#store.set({ isLost: false });
  };
}
