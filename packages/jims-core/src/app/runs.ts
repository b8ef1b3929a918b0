import type { Run, RunRequest } from '../run/run.ts';
import type { RunRecord, RunStatus } from '../store/store.ts';
import { USER_MESSAGE, newEvent } from '../thread/event.ts';
import type { OpenApp } from './open-app.ts';

/** A message of a contact, for `app.runs.start`. */
export interface MessageRequest extends Omit<RunRequest, 'thread' | 'incoming'> {
  readonly contactId: string;
  /** What the contact says. */
  readonly message: string;
  /** Default: the newest thread of the contact, which is made when there is none. */
  readonly threadId?: string;
}

/** The runs of an app: `app.runs`. */
export class AppRuns {
  readonly #app: OpenApp;

  constructor(app: OpenApp) {
    this.#app = app;
  }

  /**
   * Accepts a run and starts it. Resolves when the message is committed; the run itself says what
   * happens then.
   *
   * @throws JimsError as {@link RunEngine.start}.
   * @example
   * const run = await app.runs.start({ contactId: 'customer:42', message: 'Hello' });
   * for await (const event of run.listen()) console.log(event);
   */
  async start(request: RunRequest | MessageRequest): Promise<Run> {
    const { engine } = await this.#app.opened();
    return engine.start('thread' in request ? request : ofMessage(request));
  }

  /** Finds a run of any process, live or over, to listen to. */
  async find(runId: string): Promise<Run | undefined> {
    const { engine } = await this.#app.opened();
    return engine.find(runId);
  }

  /** Finds the run that a thread is busy with; `undefined` when it is not busy. */
  async active(threadId: string): Promise<Run | undefined> {
    const { store, engine } = await this.#app.opened();
    const runId = await store.activeRun(threadId);
    return runId === undefined ? undefined : engine.find(runId);
  }

  /** All that is kept of a run; `undefined` for an unknown one. */
  async record(runId: string): Promise<RunRecord | undefined> {
    const { store } = await this.#app.opened();
    return store.run(runId);
  }

  /** The id of the run that was started with an idempotency key, while the key is remembered. */
  async idByKey(key: {
    readonly scope: string;
    readonly key: string;
  }): Promise<string | undefined> {
    const { store } = await this.#app.opened();
    return store.runIdByKey(key);
  }

  /** Stops a run of any process. Resolves with the status that it had; `undefined` for an unknown one. */
  async cancel(runId: string): Promise<RunStatus | undefined> {
    const { engine } = await this.#app.opened();
    return engine.cancel(runId);
  }
}

function ofMessage({ contactId, message, threadId, ...request }: MessageRequest): RunRequest {
  const incoming = newEvent(USER_MESSAGE, { role: 'user', content: message });
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
