import type { AcceptRequest, StartedRun } from '../store.ts';
import type { ActiveRun } from './active-runs.ts';
import type { Tables } from './tables.ts';

const LOST = {
  code: 'lost',
  message: 'The process that ran it ended before it was finished',
} as const;

/** A run's place in its thread: it runs at once, or waits behind others. */
export interface Place {
  readonly status: 'queued' | 'running';
  /** Who was asked to stop for it. */
  readonly interrupted: readonly StartedRun[];
}

/** The runs of a thread, one behind the other. To be used inside a transaction. */
export interface ThreadLine {
  /** A place in the thread's line, or why there is none. */
  join(
    request: AcceptRequest,
    threadId: string,
    created: boolean,
  ): Place | { readonly kind: 'thread_busy' | 'queue_full' };
  /** The incoming event goes into the log once, whoever gets there first. */
  storeIncoming(run: ActiveRun): void;
  markLost(run: ActiveRun): void;
  /** Starts who is next in line; withdrawn runs and those of dead processes end as they come. */
  startNext(threadId: string): StartedRun | undefined;
}

export function threadLine({ events, runs, active }: Tables): ThreadLine {
  function storeIncoming({ runId, threadId, unstored }: ActiveRun): void {
    if (!unstored) return;
    if (!events.has(threadId, unstored.id)) events.append(threadId, [unstored]);
    runs.markStored(runId);
  }

  function markLost(run: ActiveRun): void {
    storeIncoming(run);
    runs.end(run.runId, { status: 'failed', events: [], error: LOST, lastSeq: 0 });
  }

  function startNext(threadId: string): StartedRun | undefined {
    for (;;) {
      const next = active.next(threadId);
      if (!next) return undefined;
      if (next.withdrawn) {
        storeIncoming(next);
        runs.end(next.runId, { events: [], ...next.withdrawn });
      } else if (next.alive) {
        storeIncoming(next);
        runs.start(next.runId);
        return { runId: next.runId, instanceId: next.instanceId };
      } else {
        markLost(next);
      }
    }
  }

  return {
    storeIncoming,
    markLost,
    startNext,
    join({ runId, onBusy, queueLimit }, threadId, created) {
      const before = created ? 0 : active.count(threadId);
      if (before === 0) return { status: 'running', interrupted: [] };
      if (onBusy === 'reject') return { kind: 'thread_busy' };
      if (before > queueLimit) return { kind: 'queue_full' };
      const interrupted = onBusy === 'interrupt' ? active.in(threadId) : [];
      for (const run of interrupted) if (run.runId !== runId) runs.requestCancel(run.runId);
      return { status: 'queued', interrupted };
    },
  };
}
