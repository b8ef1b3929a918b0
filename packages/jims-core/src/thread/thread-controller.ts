import type { Pipeline } from '../pipeline.ts';
import type { AppendOptions } from '../store/store.ts';
import { ASSISTANT_MESSAGE, USER_MESSAGE, newEvent } from './event.ts';
import type { NewEvent, ThreadEvent } from './event.ts';
import type { ThreadContext } from './thread-context.ts';
import type { Thread } from './thread.ts';

/** What a controller needs of the app that holds its thread. */
export interface ThreadAccess {
  append(
    threadId: string,
    events: readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<readonly ThreadEvent[]>;
  makeContext(thread: Thread): Promise<ThreadContext>;
  run(
    thread: Thread,
    pipeline: Pipeline,
    signal: AbortSignal | undefined,
  ): Promise<readonly ThreadEvent[]>;
}

/** The handle to one thread, for interfaces that are not the HTTP API: bots, widgets, scripts, tests. */
export interface ThreadController {
  readonly thread: Thread;
  /** Appends an event; see `newEvent` for what it may be. */
  append(event: { readonly type: string; readonly data: object }): Promise<ThreadEvent>;
  /**
   * Appends events in the order given: all of them, or none.
   *
   * @throws JimsError `thread_not_found`; with `whenIdle` `thread_busy` while a run is not over.
   *
   * @example
   * ```ts
   * await ctl.appendAll([newEvent('crm.note', { by: 'anna' }), newEvent('crm.closed', {})]);
   * ```
   */
  appendAll(events: readonly NewEvent[], options?: AppendOptions): Promise<readonly ThreadEvent[]>;
  appendUserMessage(text: string): Promise<ThreadEvent>;
  appendAssistantMessage(text: string): Promise<ThreadEvent>;
  /** The thread as a pipeline would see it now. What is sent with it is not kept. */
  makeContext(): Promise<ThreadContext>;
  /**
   * Runs a pipeline on the thread, after the runs that are before it, and resolves with the events
   * that it sent, stored.
   *
   * @throws JimsError `pipeline_failed`, `deadline`, `lost` …: then none of its events is stored;
   * an `AbortError` when `signal` aborts.
   */
  run(
    pipeline: Pipeline,
    options?: { readonly signal?: AbortSignal },
  ): Promise<readonly ThreadEvent[]>;
}

export function createThreadController(thread: Thread, access: ThreadAccess): ThreadController {
  async function append({ type, data }: { type: string; data: object }): Promise<ThreadEvent> {
    const [stored] = await access.append(thread.id, [newEvent(type, data)]);
    if (!stored) throw new Error('a store gave nothing back for an appended event');
    return stored;
  }
  return {
    thread,
    append,
    appendAll: async (events, options) =>
      events.length === 0 ? [] : access.append(thread.id, events, options),
    appendUserMessage: (content) => append({ type: USER_MESSAGE, data: { role: 'user', content } }),
    appendAssistantMessage: (content) =>
      append({ type: ASSISTANT_MESSAGE, data: { role: 'assistant', content } }),
    makeContext: () => access.makeContext(thread),
    run: (pipeline, options) => access.run(thread, pipeline, options?.signal),
  };
}
