import { isUnavailable } from '../errors/jims-error.ts';
import { TIMER_MS, numberOption } from '../errors/number-option.ts';
import type {
  AcceptRequest,
  AcceptResult,
  AcceptedRun,
  AnswerRule,
  RecoveredRun,
  RunOwner,
  RunStatus,
  Store,
} from '../store/store.ts';
import { newId } from '../thread/new-id.ts';
import { Admission, notRetried, recoveryOff, refusal } from './admission.ts';
import { EventCache } from './event-cache.ts';
import { RunExecution } from './execution.ts';
import { Lease } from './lease.ts';
import { ProgressWriter } from './progress.ts';
import { Recovery, keptOf, requestOf } from './recovery.ts';
import { RunRegistry } from './registry.ts';
import type { KnownThreads } from './retention.ts';
import { RunEndings } from './run-endings.ts';
import { isDurable } from './run-services.ts';
import type { RunServices, RunnableApp } from './run-services.ts';
import { incomingOf, replayed } from './run.ts';
import type { Run, RunRequest } from './run.ts';
import { logWhatStands } from './standing.ts';
import { StoreUpkeep } from './store-upkeep.ts';
import { Turns } from './turns.ts';
import { leavesToItsVersion } from './version-of-chain.ts';

/** Accepts runs and executes them: one at a time in each thread, over all processes on the store. */
export class RunEngine implements KnownThreads {
  readonly events: EventCache;
  readonly #app: RunnableApp;
  readonly #store: Store;
  readonly #admission: Admission;
  readonly #runs: RunRegistry;
  readonly #turns: Turns;
  readonly #recovery: Recovery;
  readonly #lease: Lease;
  readonly #upkeep: StoreUpkeep;
  readonly #services: RunServices;
  readonly #closing = new AbortController();
  #changedChains = 0;

  private constructor(app: RunnableApp) {
    const { store, files, limits, logger, metrics } = app;
    const instanceId = newId();
    const closing = this.#closing.signal;
    this.#app = app;
    this.#store = store;
    this.events = new EventCache(store, { maxThreadSize: limits.maxThreadSize, logger });
    this.#admission = new Admission(limits, metrics);
    this.#runs = new RunRegistry(store, logger, closing, app.traces);
    this.#turns = new Turns({ store, instanceId, logger, runs: this.#runs });
    this.#recovery = new Recovery({ instanceId, app });
    this.#lease = new Lease({
      store,
      instanceId,
      leaseMs: limits.leaseMs,
      logger,
      runs: this.#runs,
      turns: this.#turns,
      recovery: this.#recovery,
      engine: this,
    });
    this.#upkeep = new StoreUpkeep({ store, files, limits, logger, threads: this });
    this.#services = {
      app,
      instanceId,
      turns: this.#turns,
      events: this.events,
      endings: new RunEndings({ store, turns: this.#turns, lease: this.#lease, logger, closing }),
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
      await logWhatStands(app);
      await engine.#lease.take();
    } catch (error) {
      engine.#close();
      throw error;
    }
    engine.#upkeep.start();
    return engine;
  }

  /**
   * Accepts a run and executes it. Resolves when its message is stored.
   *
   * @throws JimsError `thread_not_found`, `thread_moved`, `thread_busy`, `queue_full`, `key_reused`,
   * `too_many_runs`, `overloaded`, `shutting_down`, `code_broken`, `app_invalid` or `store_unavailable`; nothing is
   * stored then.
   */
  async start(request: RunRequest): Promise<Run> {
    const { timeoutMs } = request;
    if (timeoutMs !== undefined) numberOption('timeoutMs', timeoutMs, TIMER_MS);
    const { missing } = this.#app.code();
    if (missing) {
      this.#app.metrics.countRefusal('code_broken');
      throw missing;
    }
    const leave = this.#admission.enter(await this.#countedCaller(request));
    const endAccept = this.#turns.beginAccept();
    let result: AcceptResult;
    try {
      await this.#lease.hold();
      result = await this.#store.acceptRun(this.#acceptRequest(request));
      // The chain of a question that it closed may have to go on.
      if (request.answer?.kind === 'decline') this.#lease.reapSoon();
      if (result.kind === 'accepted') return await this.#begin(request, result, leave);
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
    if (!execution) return this.#store.requestCancel(runId);
    try {
      // Stored first: when this process dies now, no other one goes on with what was cancelled.
      return execution.isDurable ? await this.#store.requestCancel(runId) : execution.status;
    } finally {
      execution.stop('cancelled');
    }
  }

  /** Forgets threads that are deleted, and stops their runs in this process. */
  dropThreads(threadIds: readonly string[]): void {
    for (const threadId of threadIds) {
      this.events.drop(threadId);
      this.#runs.drop(threadId);
    }
  }

  /** How many runs have failed as their pipelines took another way than before, and how many of dead processes were marked lost. */
  get failures(): { readonly changedChains: number; readonly lostRuns: number } {
    return { changedChains: this.#changedChains, lostRuns: this.#lease.lostRuns };
  }

  /** How many runs of this process are running, and how many wait. */
  counts(): { readonly running: number; readonly queued: number } {
    return this.#runs.counts;
  }

  /** Refuses new runs, waits up to `timeoutMs` for those that run, then stops them. */
  async drain(timeoutMs: number): Promise<void> {
    this.#admission.close();
    this.#recovery.close();
    this.#runs.parkAll();
    if (this.#app.isDurable) await this.#lease.announce();
    if (!(await this.#admission.emptyWithin(timeoutMs))) {
      this.#runs.stopAll('shutting_down');
      await this.#admission.emptyWithin(this.#app.limits.graceMs + 1000);
    }
    this.#close();
    await this.#lease.end();
  }

  /**
   * Executes a durable run once more that failed for a reason that may be gone.
   *
   * @throws JimsError `run_not_retried`, `queue_full`, `recovery_off`, `shutting_down`; `undefined` for an unknown run.
   */
  async retry(runId: string): Promise<Run | undefined> {
    this.#admission.requireOpen();
    if (!this.#app.recovers) throw recoveryOff('executes no run once more');
    const endAccept = this.#turns.beginAccept();
    try {
      await this.#lease.hold();
      const result = await this.#store.retryRun({ runId, instanceId: this.#services.instanceId });
      if (result.kind === 'accepted') return this.recover(result);
      if (result.kind === 'run_not_found') return undefined;
      throw notRetried(runId, result);
    } catch (error) {
      if (isUnavailable(error)) this.#lease.suspectLeftRuns();
      throw error;
    } finally {
      endAccept();
    }
  }

  /** Whether this process executes an attempt of a run, or is about to store how it ended. */
  has(run: RunOwner): boolean {
    const isExecuted = this.#runs.execution(run.runId)?.owner.attempt === run.attempt;
    return isExecuted || this.#services.endings.isStoring(run);
  }

  /** Goes on with a run of a dead process. */
  recover(run: RecoveredRun): Run {
    const leave = this.#admission.enterAgain();
    const end = this.#recovery.begin(run);
    const { runId, recoveries } = run;
    const threadId = run.thread.id;
    this.#app.logger.info({ runId, threadId, recoveries }, 'a run goes on in this process');
    return this.#execute(requestOf(run), run, () => {
      end();
      leave();
      this.#lease.reapSoon();
    });
  }

  #close(): void {
    this.#closing.abort();
    this.#upkeep.close();
    this.#services.progress?.close();
    this.#turns.close();
  }

  #execute(request: RunRequest, accepted: AcceptedRun, leave: () => void): Run {
    for (const { runId } of accepted.interrupted) this.#runs.stop(runId, 'interrupted');
    const execution = new RunExecution(this.#services, request, accepted);
    this.#runs.add(execution);
    void execution.execute().then((end) => {
      if (end.type === 'error' && end.error.code === 'pipeline_changed') this.#changedChains++;
      this.#runs.remove(execution, end);
      leave();
    });
    return execution.run;
  }

  async #begin(request: RunRequest, accepted: AcceptedRun, leave: () => void): Promise<Run> {
    if (!(await leavesToItsVersion(accepted, this.#services))) {
      return this.#execute(request, accepted, leave);
    }
    this.#lease.reapSoon();
    const run = await this.#runs.find(accepted.runId);
    if (!run) throw refusal('thread_not_found', request);
    leave();
    return run;
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
    const { thread, conversationStart = false, onBusy, idempotency, files } = request;
    const { limits } = this.#app;
    const { conversationStartPipeline, version } = this.#app.code();
    const known = this.events.known(thread);
    const answer = this.#answerRule(request);
    return {
      runId: newId(),
      instanceId: this.#services.instanceId,
      thread,
      onBusy: onBusy ?? limits.onBusy,
      queueLimit: limits.queueLimit,
      holdIncomingOnNewThread: conversationStart && conversationStartPipeline !== undefined,
      ...incomingOf(request),
      ...(idempotency && { idempotency: { ...idempotency, ttlMs: limits.idempotencyTtlMs } }),
      ...(files && files.length > 0 && { files }),
      ...(known && { known }),
      ...(isDurable(this.#app, request) && { durable: keptOf(request, version) }),
      ...(answer.kind !== 'none' && { answer }),
    };
  }

  /** Whose answer a message may be. Copies of a database must not go on with what its service does. */
  #answerRule({ answer, pipeline, incoming }: RunRequest): AnswerRule {
    if (pipeline || !incoming) return { kind: 'none' };
    if (this.#app.recovers) return answer ?? { kind: 'open' };
    if (answer?.kind !== 'question') return { kind: 'none' };
    throw recoveryOff('answers no questions');
  }

  /** A request that was sent before starts nothing new: it gets its run also when the share is used up. */
  async #countedCaller({ caller, idempotency }: RunRequest): Promise<string | undefined> {
    if (!idempotency || !this.#admission.isFull(caller)) return caller;
    return (await this.#store.runIdByKey(idempotency)) === undefined ? caller : undefined;
  }
}
