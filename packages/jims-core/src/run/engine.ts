import type { RunStatus, Store, AcceptRequest, AcceptResult, AcceptedRun } from '../store/store.ts';
import { newId } from '../thread/new-id.ts';
import { Admission, refusal } from './admission.ts';
import { EventCache } from './event-cache.ts';
import { RunExecution } from './execution.ts';
import type { RunServices, RunnableApp } from './execution.ts';
import { Lease } from './lease.ts';
import { ProgressWriter } from './progress.ts';
import { RunRegistry } from './registry.ts';
import { RetentionTimer } from './retention.ts';
import type { KnownThreads } from './retention.ts';
import { RunEndings } from './run-endings.ts';
import { replayed } from './run.ts';
import type { Run, RunRequest } from './run.ts';
import { Turns } from './turns.ts';

/** Accepts runs and executes them: one at a time in each thread, over all processes on the store. */
export class RunEngine implements KnownThreads {
  readonly events: EventCache;
  readonly #app: RunnableApp;
  readonly #store: Store;
  readonly #admission: Admission;
  readonly #runs: RunRegistry;
  readonly #turns: Turns;
  readonly #lease: Lease;
  readonly #retention: RetentionTimer;
  readonly #services: RunServices;
  readonly #closing = new AbortController();

  private constructor(app: RunnableApp) {
    const { store, limits, logger, metrics } = app;
    const { leaseMs, maxThreadSize } = limits;
    const instanceId = newId();
    const closing = this.#closing.signal;
    this.#app = app;
    this.#store = store;
    this.events = new EventCache(store, { maxThreadSize, logger });
    this.#admission = new Admission(limits, metrics);
    this.#runs = new RunRegistry(store, logger, closing);
    this.#turns = new Turns({ store, instanceId, logger, runs: this.#runs });
    const [runs, turns] = [this.#runs, this.#turns];
    this.#lease = new Lease({ store, instanceId, leaseMs, logger, runs, turns });
    this.#retention = new RetentionTimer({ store, limits, logger, threads: this });
    this.#services = {
      app,
      instanceId,
      turns,
      events: this.events,
      endings: new RunEndings({ store, turns, logger, closing }),
      progress: store.shared ? new ProgressWriter(store, logger) : undefined,
    };
  }

  /**
   * Starts an engine.
   *
   * @throws JimsError `store_unavailable`; nothing of it is left then.
   */
  static async open(app: RunnableApp): Promise<RunEngine> {
    const engine = new RunEngine(app);
    try {
      await engine.#lease.take();
    } catch (error) {
      engine.#close();
      throw error;
    }
    engine.#retention.start();
    return engine;
  }

  /**
   * Accepts a run and executes it. Resolves when its message is stored.
   *
   * @throws JimsError `thread_not_found`, `thread_moved`, `thread_busy`, `queue_full`, `key_reused`,
   * `too_many_runs`, `overloaded`, `shutting_down` or `store_unavailable`; nothing is stored then.
   */
  async start(request: RunRequest): Promise<Run> {
    const leave = this.#admission.enter(await this.#countedCaller(request));
    const endAccept = this.#turns.beginAccept();
    let result: AcceptResult;
    try {
      result = await this.#store.acceptRun(this.#acceptRequest(request));
      if (result.kind === 'accepted') return this.#execute(request, result, leave);
    } catch (error) {
      leave();
      throw error;
    } finally {
      endAccept();
    }
    leave();
    if (result.kind === 'existing') return this.#replay(request, result.runId);
    // A request for one position in a thread is sent on in another way.
    if (result.kind !== 'thread_moved') this.#app.metrics.countRefusal(result.kind);
    throw refusal(result.kind, request);
  }

  /** Finds a run of any process, unfinished or over. */
  find(runId: string): Promise<Run | undefined> {
    return this.#runs.find(runId);
  }

  /** Stops a run of any process. Resolves with its status; `undefined` for an unknown one. */
  async cancel(runId: string): Promise<RunStatus | undefined> {
    const execution = this.#runs.execution(runId);
    execution?.stop('cancelled');
    return execution?.status ?? this.#store.requestCancel(runId);
  }

  /** Forgets threads that are deleted, and stops their runs in this process. */
  dropThreads(threadIds: readonly string[]): void {
    for (const threadId of threadIds) {
      this.events.drop(threadId);
      this.#runs.drop(threadId);
    }
  }

  /** How many runs of this process are running, and how many wait. */
  counts(): { readonly running: number; readonly queued: number } {
    return this.#runs.counts;
  }

  /** Refuses new runs, waits up to `timeoutMs` for those that run, then stops them. */
  async drain(timeoutMs: number): Promise<void> {
    this.#admission.close();
    if (!(await this.#admission.emptyWithin(timeoutMs))) {
      this.#runs.stopAll('shutting_down');
      await this.#admission.emptyWithin(this.#app.limits.graceMs + 1000);
    }
    this.#close();
    await this.#lease.end();
  }

  #close(): void {
    this.#closing.abort();
    this.#retention.close();
    this.#services.progress?.close();
    this.#turns.close();
  }

  #execute(request: RunRequest, accepted: AcceptedRun, leave: () => void): Run {
    for (const { runId } of accepted.interrupted) this.#runs.stop(runId, 'interrupted');
    const execution = new RunExecution(this.#services, request, accepted);
    this.#runs.add(execution);
    void execution.execute().then((end) => {
      this.#runs.remove(execution, end);
      leave();
    });
    return execution.run;
  }

  async #replay(request: RunRequest, runId: string): Promise<Run> {
    const run = await this.#runs.find(runId);
    if (!run) throw refusal('thread_not_found', request);
    if (this.#runs.execution(runId)?.stopReason !== 'disconnected') return replayed(run);
    // It is being stopped as its client left, and this is the client again: then it runs again.
    await run.end;
    return this.start(request);
  }

  #acceptRequest(request: RunRequest): AcceptRequest {
    const { thread, incoming, conversationStart = false, onBusy, idempotency } = request;
    const { limits, conversationStartPipeline } = this.#app;
    const known = this.events.known(thread);
    return {
      runId: newId(),
      instanceId: this.#services.instanceId,
      thread,
      onBusy: onBusy ?? limits.onBusy,
      queueLimit: limits.queueLimit,
      holdIncomingOnNewThread: conversationStart && conversationStartPipeline !== undefined,
      ...(incoming && { incoming }),
      ...(idempotency && { idempotency: { ...idempotency, ttlMs: limits.idempotencyTtlMs } }),
      ...(known && { known }),
    };
  }

  /** A request that was sent before starts nothing new: it gets its run also when the share is used up. */
  async #countedCaller({ caller, idempotency }: RunRequest): Promise<string | undefined> {
    if (!idempotency || !this.#admission.isFull(caller)) return caller;
    return (await this.#store.runIdByKey(idempotency)) === undefined ? caller : undefined;
  }
}
