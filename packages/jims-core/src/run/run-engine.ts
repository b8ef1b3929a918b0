import type { JimsError } from '../errors.ts';
import type { LlmProvider } from '../llm/llm.ts';
import type { Logger } from '../logger.ts';
import { newId } from '../new-id.ts';
import type { Pipeline } from '../pipeline.ts';
import type { AcceptResult, AcceptedRun, RunStatus, Store } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { acceptRequest, refusal } from './accept-run.ts';
import { createAdmission } from './admission.ts';
import { cacheOptions } from './cache-options.ts';
import { createEventCache } from './event-cache.ts';
import type { EventCache } from './event-cache.ts';
import { holdLease } from './lease.ts';
import { createLiveRuns } from './live-runs.ts';
import { startPurging } from './purging.ts';
import { createRunLookup } from './run-lookup.ts';
import { createRunPoll } from './run-poll.ts';
import type { FailedRun, Run, RunLimits, RunRequest } from './run.ts';

export interface RunEngineOptions {
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly limits: RunLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly models: () => LlmProvider;
  /** Whether spans hold prompts and answers; default: as the app's settings say. */
  readonly traceContent: boolean | undefined;
  readonly onRunFailed: ((error: JimsError, run: FailedRun) => void) | undefined;
}

/** Accepts runs and executes them: one at a time in each thread, over all processes on the store. */
export interface RunEngine {
  /**
   * Resolves when the question is committed.
   *
   * @throws JimsError `thread_not_found`, `thread_moved`, `thread_busy`, `queue_full`, `key_reused`,
   * `overloaded`, `shutting_down` or `store_unavailable`; nothing is kept then.
   */
  start(request: RunRequest): Promise<Run>;
  /** A run of any process, live or over. */
  run(runId: string): Promise<Run | undefined>;
  /** Stops a run wherever it runs. Resolves with its status; `undefined` for an unknown one. */
  cancel(runId: string): Promise<RunStatus | undefined>;
  /** Forgets threads that are deleted, and stops their runs here. */
  dropThreads(threadIds: readonly string[]): void;
  readonly events: EventCache;
  counts(): { readonly running: number; readonly queued: number };
  /** Takes no new runs, waits up to `timeoutMs` for those that run, then stops them. */
  drain(timeoutMs: number): Promise<void>;
}

export async function createRunEngine(options: RunEngineOptions): Promise<RunEngine> {
  const { store, limits, logger, metrics } = options;
  const instanceId = newId();
  const events = createEventCache(store, cacheOptions(limits, logger));
  const admission = createAdmission(limits.maxRuns, metrics);
  const closing = new AbortController();

  const poll = createRunPoll({
    store,
    instanceId,
    logger,
    owners: () => live.owners,
    onCancelRequested: (runId) => live.stop(runId, 'cancelled'),
    onTaken: (owner) => live.lose(owner),
  });
  const live = createLiveRuns({
    ...options,
    instanceId,
    events,
    onNext: (next) => poll.started(next),
    onOver(runId, turn) {
      poll.forget(runId, turn);
      admission.leave();
    },
  });
  const lookup = createRunLookup({ store, logger, live, signal: closing.signal });
  await store.listen(instanceId, () => poll.wake());
  const lease = await holdLease({
    store,
    instanceId,
    logger,
    leaseMs: limits.leaseMs,
    onLost: () => live.stopAll('lost'),
    onRegained: () => void poll.checkOwners(),
    onStarted: (run) => poll.started(run),
  });
  const purging = startPurging({ store, limits, logger, onPurged: dropThreads });

  async function start(request: RunRequest): Promise<Run> {
    admission.enter();
    const runId = newId();
    const turn = poll.turnOf(runId);
    let result: AcceptResult;
    try {
      const known = events.known(request.thread);
      const terms = { ...options, runId, instanceId, known };
      result = await store.acceptRun(acceptRequest(request, terms));
    } catch (error) {
      poll.forget(runId, turn);
      admission.leave();
      throw error;
    }
    if (!isInLine(result)) poll.forget(runId, turn);
    if (result.kind === 'accepted') return begin(request, result, turn);
    admission.leave();
    if (result.kind === 'existing') {
      const run = await lookup.find(result.runId);
      if (run) return asReplayed(run);
      throw refusal('thread_not_found', request);
    }
    // Who asks for one place of a thread has another way to go on.
    if (result.kind !== 'thread_moved') metrics.countRefusal(result.kind);
    throw refusal(result.kind, request);
  }

  function begin(request: RunRequest, accepted: AcceptedRun, turn: Promise<void>): Run {
    for (const before of accepted.interrupted) live.stop(before.runId, 'interrupted');
    if (accepted.attempt === 1) return live.begin(request, accepted, turn);
    const run = live.begin(request, accepted, poll.turnOf(accepted.runId));
    // A lost run has its old id again: its turn may have come before anybody waited for it.
    poll.wake();
    return run;
  }

  function dropThreads(threadIds: readonly string[]): void {
    for (const threadId of threadIds) {
      events.drop(threadId);
      live.dropThread(threadId);
      lookup.dropThread(threadId);
    }
  }

  return {
    events,
    start,
    run: lookup.find,
    dropThreads,
    counts: () => live.counts,

    async cancel(runId) {
      live.stop(runId, 'cancelled');
      return live.statusOf(runId) ?? store.requestCancel(runId);
    },

    async drain(timeoutMs) {
      admission.close();
      if (!(await admission.emptyWithin(timeoutMs))) {
        live.stopAll('shutting_down');
        await admission.emptyWithin(limits.graceMs + 1000);
      }
      closing.abort();
      purging.close();
      live.close();
      poll.close();
      await lease.close();
    },
  };
}

/** Whether it waits under the id that it was accepted with. */
function isInLine(result: AcceptResult): boolean {
  return result.kind === 'accepted' && result.status === 'queued' && result.attempt === 1;
}

function asReplayed(run: Run): Run {
  const { id, thread, createdThread, end } = run;
  return {
    id,
    thread,
    createdThread,
    replayed: true,
    end,
    get lastSeq() {
      return run.lastSeq;
    },
    listen: (options) => run.listen(options),
    cancel: () => run.cancel(),
  };
}
