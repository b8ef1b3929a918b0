import { randomUUIDv7 } from 'node:crypto';

import { JimsError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Pipeline } from '../pipeline.ts';
import type { AcceptRequest, AcceptedRun, Store } from '../store/store.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createEventCache } from './event-cache.ts';
import type { EventCache } from './event-cache.ts';
import { executeRun } from './execute-run.ts';
import { holdLease } from './lease.ts';
import { createLiveRun } from './live-run.ts';
import type { LiveRun } from './live-run.ts';
import type { Run, RunLimits, RunRequest } from './run.ts';
import { createTurns } from './turns.ts';
import type { Turns } from './turns.ts';

export interface RunEngineOptions {
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly limits: RunLimits;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Accepts runs and executes them: one at a time in each thread, over all processes on the store. */
export interface RunEngine {
  /**
   * Resolves when the question is committed.
   *
   * @throws JimsError `thread_not_found`, `thread_busy`, `queue_full`, `overloaded`,
   * `shutting_down` or `store_unavailable`; nothing is kept then.
   */
  start(request: RunRequest): Promise<Run>;
  readonly events: EventCache;
  readonly activeRuns: number;
  /** Takes no new runs, waits up to `timeoutMs` for those that run, then stops them. */
  drain(timeoutMs: number): Promise<void>;
}

const CACHE_BYTES = 64 * 1024 * 1024;

export async function createRunEngine(options: RunEngineOptions): Promise<RunEngine> {
  const { store, limits, logger } = options;
  const instanceId = randomUUIDv7();
  const live = new Set<LiveRun>();
  const events = createEventCache(store, CACHE_BYTES);
  const turns = createTurns(store, logger);
  const idle = createIdle(live);
  let draining = false;

  await store.listen(instanceId, (runId) => turns.started(runId));
  const lease = await holdLease({
    store,
    instanceId,
    leaseMs: limits.leaseMs,
    logger,
    onLost: () => live.forEach((run) => run.stop('lost')),
    onStarted: (run) => turns.started(run.runId),
  });

  function admit(): LiveRun {
    if (draining) throw new JimsError('shutting_down', 'The service is shutting down');
    if (live.size >= limits.maxRuns) {
      throw new JimsError('overloaded', 'The service runs as much as it may: try again later');
    }
    const run = createLiveRun(randomUUIDv7(), limits);
    live.add(run);
    return run;
  }

  async function accept(run: LiveRun, request: RunRequest): Promise<AcceptedRun> {
    const result = await store.acceptRun(acceptRequest(run.id, request));
    if (result.kind === 'accepted') return result;
    throw refusal(result.kind, request);
  }

  function acceptRequest(runId: string, request: RunRequest): AcceptRequest {
    const { thread, incoming, conversationStart = false, onBusy = 'queue' } = request;
    const known = events.known(thread);
    return {
      runId,
      instanceId,
      thread,
      onBusy,
      queueLimit: limits.queueLimit,
      holdIncomingOnNewThread: conversationStart && options.conversationStartPipeline !== undefined,
      ...(incoming && { incoming }),
      ...(known && { known }),
    };
  }

  return {
    events,
    get activeRuns() {
      return live.size;
    },

    async start(request) {
      const run = admit();
      const turn = turns.expect(run.id);
      let accepted: AcceptedRun;
      try {
        accepted = await accept(run, request);
      } catch (error) {
        leave(run, turns);
        throw error;
      }
      if (accepted.status === 'running') turns.forget(run.id);
      const owner = { runId: run.id, threadId: accepted.thread.id, instanceId };
      void executeRun({ ...options, run, owner, request, accepted, turn, turns, events }).then(() =>
        leave(run, turns),
      );
      onAbort(request.signal, () => run.stop('cancelled'));
      return {
        id: run.id,
        thread: accepted.thread,
        createdThread: accepted.createdThread,
        listen: () => run.stream.listen(),
        end: run.stream.end,
        cancel: () => run.stop('cancelled'),
      };
    },

    async drain(timeoutMs) {
      draining = true;
      if (!(await idle.within(timeoutMs))) {
        live.forEach((run) => run.stop('shutting_down'));
        await idle.within(limits.graceMs + 1000);
      }
      turns.close();
      await lease.close();
    },
  };

  function leave(run: LiveRun, from: Turns): void {
    from.forget(run.id);
    live.delete(run);
    idle.check();
  }
}

function onAbort(signal: AbortSignal | undefined, then: () => void): void {
  if (signal?.aborted) then();
  else signal?.addEventListener('abort', then, { once: true });
}

function refusal(
  kind: 'thread_not_found' | 'thread_busy' | 'queue_full',
  { thread }: RunRequest,
): JimsError {
  switch (kind) {
    case 'thread_not_found': {
      const id = thread.kind === 'thread' ? thread.threadId : '';
      return new JimsError(kind, `Thread '${id}' not found`);
    }
    case 'thread_busy':
      return new JimsError(kind, 'The thread has a run that is not finished');
    case 'queue_full':
      return new JimsError(kind, 'Too many messages wait in this thread: try again later');
  }
}

/** Tells when a set has become empty. */
function createIdle(live: ReadonlySet<unknown>): {
  check(): void;
  within(ms: number): Promise<boolean>;
} {
  let waiters: (() => void)[] = [];
  return {
    check() {
      if (live.size > 0) return;
      waiters.forEach((tell) => tell());
      waiters = [];
    },
    within(ms) {
      if (live.size === 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), ms);
        waiters.push(() => {
          clearTimeout(timer);
          resolve(true);
        });
      });
    },
  };
}
