import { FilesOfThread } from '../pipeline/context-files.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { ThreadContext } from '../pipeline/thread-context.ts';
import type { ContextOutput } from '../pipeline/thread-context.ts';
import type { AppendOptions } from '../store/store.ts';
import { ASSISTANT_MESSAGE, USER_MESSAGE, newEvent } from '../thread/event.ts';
import type { NewEvent, ThreadEvent } from '../thread/event.ts';
import { newId } from '../thread/new-id.ts';
import type { Thread } from '../thread/thread.ts';
import { titleEvent } from '../thread/title.ts';
import type { OpenApp } from './open-app.ts';
import { UnkeptJournal } from './unkept-journal.ts';

/** The output of a context that belongs to no run: nobody listens, and nothing is stored. */
function unheard(): ContextOutput {
  const sent: NewEvent[] = [];
  const event = (each: NewEvent): void => void sent.push(each);
  return { sent, event, message: event, status() {}, step() {}, piece() {} };
}

/**
 * One thread, for programs that do not go by HTTP: bots, scripts, tests.
 *
 * @example
 * const thread = await app.threads.getOrCreate({ contactId: 'customer:42' });
 * await thread.appendUserMessage('Hello');
 * const events = await thread.run((ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`));
 */
export class ThreadController {
  /** The thread as it was when it was looked up. */
  readonly thread: Thread;
  readonly #app: OpenApp;

  /** @internal Made by `app.threads`. */
  constructor(thread: Thread, app: OpenApp) {
    this.thread = thread;
    this.#app = app;
  }

  /**
   * Appends an event.
   *
   * @throws JimsError `invalid_event` as `newEvent`; `thread_not_found`.
   * @example
   * await thread.append({ type: 'crm.note', data: { by: 'anna' } });
   */
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

  /** Appends a message of the user, without a run. */
  appendUserMessage(content: string): Promise<ThreadEvent> {
    return this.append({ type: USER_MESSAGE, data: { role: 'user', content } });
  }

  /** Appends a message of the assistant, without a run. */
  appendAssistantMessage(content: string): Promise<ThreadEvent> {
    return this.append({ type: ASSISTANT_MESSAGE, data: { role: 'assistant', content } });
  }

  /**
   * Sets the title of the thread; `null` brings back the one that it has by itself.
   *
   * @throws JimsError `thread_not_found`
   * @example
   * await thread.setTitle('Refund of order 17');
   */
  async setTitle(title: string | null): Promise<void> {
    await this.appendAll([titleEvent(title)]);
  }

  /** Makes a context as a pipeline would get it now. What is sent with it is not stored. */
  async makeContext(): Promise<ThreadContext> {
    const { engine, files } = await this.#app.opened();
    const { signal } = new AbortController();
    return new ThreadContext({
      thread: this.thread,
      journal: new UnkeptJournal(await engine.events.load(this.thread), signal),
      output: unheard(),
      signal,
      runId: newId(),
      llm: () => this.#app.llm,
      files: new FilesOfThread(files, this.thread),
    });
  }

  /**
   * Runs a pipeline on the thread, after the runs that wait there, and resolves with the stored events
   * that it sent.
   *
   * @throws JimsError `pipeline_failed`, `deadline`, `lost` …: then none of its events is stored;
   * an `AbortError` when `signal` aborts.
   * @example
   * const [hello] = await thread.run((ctx) => ctx.sendMessage('Hello'));
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
