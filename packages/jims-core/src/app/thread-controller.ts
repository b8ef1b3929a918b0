import type { Pipeline } from '../pipeline/pipeline.ts';
import { ThreadContext } from '../pipeline/thread-context.ts';
import type { ContextOutput } from '../pipeline/thread-context.ts';
import type { AppendOptions } from '../store/store.ts';
import { ASSISTANT_MESSAGE, USER_MESSAGE, newEvent } from '../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../thread/event.ts';
import { newId } from '../thread/new-id.ts';
import type { Thread } from '../thread/thread.ts';
import type { OpenApp } from './open-app.ts';

/** Nobody listens to a context that belongs to no run. */
const UNHEARD: ContextOutput = { event() {}, status() {}, delta() {}, pending() {} };

/** The handle to one thread, for interfaces that are not the HTTP API: bots, widgets, scripts, tests. */
export class ThreadController {
  readonly thread: Thread;
  readonly #app: OpenApp;

  /** @internal Made by `app.threads`. */
  constructor(thread: Thread, app: OpenApp) {
    this.thread = thread;
    this.#app = app;
  }

  /** Appends an event; see `newEvent` for what it may be. */
  async append({
    type,
    data,
  }: {
    readonly type: string;
    readonly data: object;
  }): Promise<ThreadEvent> {
    const [stored] = await this.appendAll([newEvent(type, data)]);
    if (!stored) throw new Error('a store gave nothing back for an appended event');
    return stored;
  }

  /**
   * Appends events in the order given: all of them, or none.
   *
   * @throws JimsError `thread_not_found`; with `whenIdle` `thread_busy` while a run is not over.
   * @example
   * ```ts
   * await thread.appendAll([newEvent('crm.note', { by: 'anna' }), newEvent('crm.closed', {})]);
   * ```
   */
  async appendAll(
    events: readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<readonly ThreadEvent[]> {
    if (events.length === 0) return [];
    const { store } = await this.#app.opened();
    return store.appendEvents(this.thread.id, events, options);
  }

  /** Appends what the user said, without a run. */
  appendUserMessage(content: string): Promise<ThreadEvent> {
    return this.append({ type: USER_MESSAGE, data: { role: 'user', content } });
  }

  /** Appends what the assistant said, without a run. */
  appendAssistantMessage(content: string): Promise<ThreadEvent> {
    return this.append({ type: ASSISTANT_MESSAGE, data: { role: 'assistant', content } });
  }

  /** The thread as a pipeline would see it now. What is sent with it is not kept. */
  async makeContext(): Promise<ThreadContext> {
    const { engine } = await this.#app.opened();
    return new ThreadContext({
      thread: this.thread,
      log: await engine.events.load(this.thread),
      output: UNHEARD,
      signal: new AbortController().signal,
      runId: newId(),
      llm: this.#app.llm,
    });
  }

  /**
   * Runs a pipeline on the thread, after the runs that are before it, and resolves with the events
   * that it sent, stored.
   *
   * @throws JimsError `pipeline_failed`, `deadline`, `lost` …: then none of its events is stored;
   * an `AbortError` when `signal` aborts.
   */
  async run(
    pipeline: Pipeline,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly ThreadEvent[]> {
    const { engine } = await this.#app.opened();
    const run = await engine.start({
      thread: { kind: 'thread', threadId: this.thread.id },
      pipeline,
      ...(signal && { signal }),
    });
    const end = await run.end;
    switch (end.type) {
      case 'result':
        return end.result.events;
      case 'error':
        throw end.error;
      case 'cancelled':
        throw new DOMException(`The run was stopped: ${end.reason}`, 'AbortError');
    }
  }
}
