import type { Run, RunRequest } from '../run/run.ts';
import type {
  EventPosition,
  JournalEntry,
  RunList,
  RunPage,
  RunRecord,
  RunStatus,
  ThreadRunList,
} from '../store/store.ts';
import { USER_MESSAGE, newEvent } from '../thread/event.ts';
import type { MessageFile } from '../thread/message.ts';
import type { OpenApp } from './open-app.ts';
import { runTrace } from './run-trace.ts';
import type { RunTrace } from './run-trace.ts';

/** A message of a contact, for `app.runs.start`. Its run uses the contact's share of runs. */
export interface MessageRequest extends Omit<RunRequest, 'thread' | 'incoming'> {
  readonly contactId: string;
  /** The text of the message. */
  readonly message: string;
  /** The files of the message, by id, as they were uploaded; default none. */
  readonly files?: readonly string[];
  /** Default: the newest thread of the contact, or a new one. */
  readonly threadId?: string;
}

/** The runs of an app: `app.runs`. Every method may reject as `JimsApp.open` does. */
export class AppRuns {
  readonly #app: OpenApp;

  /** @internal Made by the app. */
  constructor(app: OpenApp) {
    this.#app = app;
  }

  /**
   * Accepts a run, and starts it when its thread is free. Resolves when its message is stored; the run
   * tells what happens next.
   *
   * @throws JimsError `thread_not_found`, `file_not_found`, `thread_moved`, `thread_busy`, `queue_full`, `key_reused`,
   * `too_many_runs`, `overloaded`, `shutting_down` or `store_unavailable`; nothing is stored then.
   * @example
   * const run = await app.runs.start({ contactId: 'customer:42', message: 'Hello' });
   * for await (const event of run.listen()) console.log(event);
   */
  async start(request: RunRequest | MessageRequest): Promise<Run> {
    const { engine, files } = await this.#app.opened();
    if ('thread' in request) return engine.start(request);
    return engine.start(ofMessage(request, await files.forMessage(request.files ?? [])));
  }

  /**
   * Finds a run of any process, unfinished or over, to listen to.
   *
   * @example
   * const run = await app.runs.find(runId);
   * const end = await run?.end;
   */
  async find(runId: string): Promise<Run | undefined> {
    const { engine } = await this.#app.opened();
    return engine.find(runId);
  }

  /** Finds the run that is running in a thread; `undefined` when none is. */
  async active(threadId: string): Promise<Run | undefined> {
    const { store, engine } = await this.#app.opened();
    const runId = await store.activeRun(threadId);
    return runId === undefined ? undefined : engine.find(runId);
  }

  /** Gives all that the store has of a run; `undefined` for an unknown one. */
  async record(runId: string): Promise<RunRecord | undefined> {
    const { store } = await this.#app.opened();
    return store.run(runId);
  }

  /**
   * Lists the runs of a thread, newest first; `next` of a page is the `before` of the next one. Runs
   * without a message that began them are left out.
   *
   * @example
   * const { runs, next } = await app.runs.list(threadId, { limit: 20 });
   */
  async list(threadId: string, page: RunPage): Promise<RunList> {
    const { store } = await this.#app.opened();
    return store.listRuns(threadId, page);
  }

  /**
   * Lists the runs of several threads in one order, newest first. A page may have few runs, or none, while
   * `next` is there: it is the `before` of the next one.
   *
   * @example
   * const { runs, next } = await app.runs.listOf(threads.map(({ id }) => id));
   */
  async listOf(threadIds: readonly string[], before?: EventPosition): Promise<ThreadRunList> {
    const { store } = await this.#app.opened();
    return store.listRunsOf(threadIds, before);
  }

  /**
   * Finds the runs that made these events of a thread, by the ids of the events. An event of no run, or of
   * one whose record is no longer kept, is left out.
   */
  async ofEvents(
    threadId: string,
    events: readonly EventPosition[],
  ): Promise<ReadonlyMap<string, string>> {
    const { store } = await this.#app.opened();
    return store.runsOfEvents(threadId, events);
  }

  /**
   * Gives what happened in a run: its steps, requests to models, tools and states, and the real error.
   * When the app was not opened with `traces`, or the run is older than the last 200, it is what the database
   * has. `undefined` for an unknown run, and for an attempt that is not kept.
   *
   * @param attempt Default: the newest one.
   * @example
   * const trace = await app.runs.trace(runId);
   * const models = trace?.entries.filter(({ kind }) => kind === 'model');
   */
  async trace(runId: string, attempt?: number): Promise<RunTrace | undefined> {
    return runTrace(await this.#app.opened(), runId, attempt);
  }

  /**
   * Gives the results of steps, models and questions that are kept of a chain of durable runs, such as for an export.
   * Results are removed when their chain is over; then, and for an unknown chain, there are none. The id of a chain is
   * that of its first run.
   *
   * @example
   * const results = await app.runs.results(run.chainId);
   */
  async results(chainId: string): Promise<readonly JournalEntry[]> {
    const { store } = await this.#app.opened();
    const chain = await store.loadChain(chainId);
    return chain?.entries ?? [];
  }

  /** Gives the id of the run that was started with an idempotency key, as long as that is remembered. */
  async idByKey(key: {
    readonly scope: string;
    readonly key: string;
  }): Promise<string | undefined> {
    const { store } = await this.#app.opened();
    return store.runIdByKey(key);
  }

  /**
   * Executes a durable run once more that failed with `lost`, `pipeline_changed`, `shutting_down` or
   * `store_unavailable`, over the results that it has. `undefined` for an unknown run.
   *
   * @throws JimsError `run_not_retried`, `queue_full`, `recovery_off`.
   * @example
   * const run = await app.runs.retry(runId);
   */
  async retry(runId: string): Promise<Run | undefined> {
    const { engine } = await this.#app.opened();
    return engine.retry(runId);
  }

  /**
   * Stops a run of any process. Resolves with the status that it had; `undefined` for an unknown one.
   *
   * @example
   * await app.runs.cancel(runId);
   */
  async cancel(runId: string): Promise<RunStatus | undefined> {
    const { engine } = await this.#app.opened();
    return engine.cancel(runId);
  }
}

function ofMessage(
  { contactId, message, threadId, ...request }: MessageRequest,
  files: readonly MessageFile[],
): RunRequest {
  const said = { role: 'user', content: message, ...(files.length > 0 && { files }) };
  const incoming = newEvent(USER_MESSAGE, said);
  return {
    caller: contactId,
    ...request,
    incoming,
    thread:
      threadId === undefined
        ? { kind: 'latest', contactId, threadConfig: {} }
        : { kind: 'thread', threadId, contactId },
  };
}
