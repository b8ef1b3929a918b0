import { describeError } from '../errors/jims-error.ts';
import type { JimsError } from '../errors/jims-error.ts';
import type { LlmProvider } from '../llm/llm.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { AcceptResult, AcceptedRun, RunStatus, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { newId } from '../thread/new-id.ts';
import { acceptRequest, refusal } from './accept-run.ts';
import { createAdmission } from './admission.ts';
import type { Admission } from './admission.ts';
import { cacheOptions } from './cache-options.ts';
import { createEventCache } from './event-cache.ts';
import type { EventCache } from './event-cache.ts';
import { holdLease } from './lease.ts';
import type { Lease, LeaseOptions } from './lease.ts';
import { createLiveRuns } from './live-runs.ts';
import type { Entry, LiveRuns } from './live-runs.ts';
import { startPurging } from './retention.ts';
import { createRunLookup } from './run-lookup.ts';
import { createRunPoll } from './run-poll.ts';
import type { RunPoll } from './run-poll.ts';
import type { FailedRun, Run, RunLimits, RunRequest } from './run.ts';
import { within } from './within.ts';

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
   * `too_many_runs`, `overloaded`, `shutting_down` or `store_unavailable`; nothing is kept then.
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

/** How long closing waits for a database that does not answer. */
const END_LEASE_MS = 2000;

/**
 * Starts the engine.
 *
 * @throws JimsError `store_unavailable`; nothing of it is left then.
 */
export async function createRunEngine(options: RunEngineOptions): Promise<RunEngine> {
  const { store, limits, logger, metrics } = options;
  const instanceId = newId();
  const events = createEventCache(store, cacheOptions(limits, logger));
  const admission = createAdmission(limits, metrics);
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
    closing: closing.signal,
    onNext: (next) => poll.started(next),
    onOver: (runId, turn) => poll.forget(runId, turn),
  });
  const lookup = createRunLookup({ store, logger, live, signal: closing.signal });
  const lease = await openLease({
    store,
    instanceId,
    logger,
    leaseMs: limits.leaseMs,
    onLost: () => live.stopAll('lost'),
    onRegained: () => void poll.checkOwners(),
    onStarted: (run) => poll.started(run),
    onHint: () => poll.wake(),
  }).catch((error: unknown) => {
    live.close();
    poll.close();
    throw error;
  });
  const purging = startPurging({ store, limits, logger, onPurged: dropThreads });

  async function start(request: RunRequest): Promise<Run> {
    const leave = admission.enter(await countedCaller(request, { store, admission }));
    const runId = newId();
    const turn = poll.turnOf(runId);
    let result: AcceptResult;
    try {
      const known = events.known(request.thread);
      const terms = { ...options, runId, instanceId, known };
      result = await store.acceptRun(acceptRequest(request, terms));
    } catch (error) {
      poll.forget(runId, turn);
      leave();
      throw error;
    }
    if (!isInLine(result)) poll.forget(runId, turn);
    if (result.kind === 'accepted')
      return begin({ live, poll }, { request, accepted: result, entry: { turn, leave } });
    leave();
    if (result.kind === 'existing') return replay(request, result.runId);
    // Who asks for one place of a thread has another way to go on.
    if (result.kind !== 'thread_moved') metrics.countRefusal(result.kind);
    throw refusal(result.kind, request);
  }

  async function replay(request: RunRequest, runId: string): Promise<Run> {
    const run = await lookup.find(runId);
    if (!run) throw refusal('thread_not_found', request);
    if (!live.isBeingLeft(runId)) return asReplayed(run);
    // It is stopped as its client left, and this is the client again: then it runs again.
    await run.end;
    return start(request);
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
      await endLease(lease, logger);
    },
  };
}

function begin(
  { live, poll }: { readonly live: LiveRuns; readonly poll: RunPoll },
  {
    request,
    accepted,
    entry,
  }: { readonly request: RunRequest; readonly accepted: AcceptedRun; readonly entry: Entry },
): Run {
  for (const before of accepted.interrupted) live.stop(before.runId, 'interrupted');
  if (accepted.attempt === 1) return live.begin(request, accepted, entry);
  const turn = poll.turnOf(accepted.runId);
  const run = live.begin(request, accepted, { ...entry, turn });
  // A lost run has its old id again: its turn may have come before anybody waited for it.
  poll.wake();
  return run;
}

/** A request that was sent before starts nothing new: it gets its run also when the share is used up. */
async function countedCaller(
  { caller, idempotency }: RunRequest,
  { store, admission }: { readonly store: Store; readonly admission: Admission },
): Promise<string | undefined> {
  if (!idempotency || !admission.isFull(caller)) return caller;
  return (await store.runIdByKey(idempotency)) === undefined ? caller : undefined;
}

/** Takes the lease, then listens: what cannot be opened leaves nothing. */
async function openLease(options: LeaseOptions & { readonly onHint: () => void }): Promise<Lease> {
  const lease = await holdLease(options);
  try {
    await options.store.listen(options.instanceId, options.onHint);
    return lease;
  } catch (error) {
    await endLease(lease, options.logger);
    throw error;
  }
}

/** A lease that cannot be ended now ends by itself, as that of a dead process. */
async function endLease(lease: Lease, logger: Logger): Promise<void> {
  const ended = lease.close().catch((error: unknown) => {
    logger.warn({ error: describeError(error) }, 'cannot end the lease of this process');
  });
  await within(END_LEASE_MS, ended);
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
    get attempt() {
      return run.attempt;
    },
    get endPosition() {
      return run.endPosition;
    },
    attach: (leaving) => run.attach(leaving),
    listen: (options) => run.listen(options),
    cancel: () => run.cancel(),
  };
}
