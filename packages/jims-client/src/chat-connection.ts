import { cursorOf, lastSaid, withRun, withStreamEvent, withoutRun } from './chat-state.ts';
import type { ChatStore } from './chat-store.ts';
import { JimsApiError, notOfService } from './errors.ts';
import { follow } from './follow.ts';
import { errorOfEnd, followRun, isEnd, objectIn } from './run-stream.ts';
import type { FollowedRun } from './run-stream.ts';
import {
  readPage,
  readRuns,
  refreshThread,
  syncLog,
  takeEvents,
  threadPath,
} from './thread-log.ts';
import { asJimsApiError } from './transport.ts';
import type { RunSummary, StreamEvent, ThreadEvent } from './wire.ts';

/**
 * Keeps the state of a chat up to date. It reads one stream at a time: that of the run that is going on, and
 * between runs the end of the thread's log. While a run goes on nothing else comes into the log; what it
 * sent is replaced by what is stored when it is over. So each message is there once, in the order of the log.
 */
export class ChatConnection {
  readonly #store: ChatStore;
  /** From start to pause. */
  #session: AbortController | undefined;
  /** Ends the reading of the log, for something else to be done. */
  #wake = new AbortController();

  constructor(store: ChatStore) {
    this.#store = store;
  }

  /** The run that is followed, or the next one that will be. */
  get current(): string | undefined {
    return this.#store.active.keys().next().value;
  }

  /** Begins to follow the thread, unless it is followed already or not made yet. */
  start(): void {
    const { life, state } = this.#store;
    if (this.#session || life.signal.aborted || state.threadId === undefined) return;
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
  accepted(run: FollowedRun): void {
    const { active, state } = this.#store;
    // A run that waits for the one that is followed is joined after that.
    if (state.run && state.run.runId !== run.runId) {
      run.first?.end();
      run.first = undefined;
    }
    active.set(run.runId, run);
    this.wake();
    this.start();
  }

  async #run(session: AbortSignal): Promise<void> {
    const store = this.#store;
    try {
      if (store.state.isLoading) {
        await Promise.all([refreshThread(store, session), readPage(store, session)]);
        const [last] = await this.#look(session);
        store.set({ isLoading: false });
        if (last?.status === 'failed' && last.error)
          store.fail(new JimsApiError(last.error.detail, last.error));
      }
      while (!session.aborted) {
        this.#wake = new AbortController();
        await store.sending;
        session.throwIfAborted();
        const [next] = store.active.values();
        if (next) await this.#follow(next, session);
        else await this.#tail(this.#wake.signal);
      }
    } catch (error) {
      if (session.aborted) return;
      // What else was requested is given up, too.
      this.pause();
      store.onLine(false);
      store.fail(error);
    }
  }

  /** Finds runs that go on. They are read after the log, so that what began them is known. */
  async #look(signal: AbortSignal): Promise<readonly RunSummary[]> {
    const { active } = this.#store;
    const runs = await readRuns(this.#store, signal);
    for (const { run_id: runId, finished_at } of runs.toReversed())
      if (finished_at === null && !active.has(runId)) active.set(runId, { runId });
    return runs;
  }

  async #tail(signal: AbortSignal): Promise<void> {
    const store = this.#store;
    try {
      const batches = follow(store.transport, `${threadPath(store)}/events`, {
        query: { domain: 'comm' },
        after: cursorOf(store.state),
        signal,
        parse({ data }) {
          const event = objectIn(data);
          if (isThreadEvent(event)) return event;
          throw notOfService();
        },
        onLine: store.onLine,
      });
      for await (const batch of batches) {
        signal.throwIfAborted();
        // Such as the answer of the failed run, which another page let go on.
        if (lastSaid(store.state)?.isUnanswered) store.set({ error: undefined });
        takeEvents(store, batch);
        await this.#look(signal);
        if (store.active.size > 0) return;
        await refreshThread(store, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #follow(run: FollowedRun, session: AbortSignal): Promise<void> {
    const store = this.#store;
    const { runId } = run;
    let end: StreamEvent | undefined;
    store.update((state) => withRun(state, runId));
    const { transport, onLine, state } = store;
    // Text that was missed comes in one piece: not with what was seen before a pause.
    const after = state.isOver ? '' : `${state.run?.attempt}.${state.seq}`;
    try {
      for await (const batch of followRun(transport, run, { signal: session, onLine, after })) {
        session.throwIfAborted();
        store.update((before) => batch.reduce(withStreamEvent, before));
        end = batch.find(isEnd);
      }
    } catch (error) {
      // It, or its thread, is erased: reading the log says which.
      if (asJimsApiError(error).status !== 404) throw error;
    }
    await refreshThread(store, session);
    await syncLog(store, session);
    const newest = lastSaid(store.state);
    // Another page has said something meanwhile.
    if (newest?.id !== runId) await this.#look(session);
    store.active.delete(runId);
    store.update(withoutRun);
    if (end?.event !== 'error') return;
    store.change(runId, { isUnanswered: true });
    store.fail(errorOfEnd(end));
  }
}

function isThreadEvent(event: object): event is ThreadEvent {
  return 'event_id' in event;
}
