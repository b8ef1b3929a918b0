import { RunLlm } from '../llm/run-llm.ts';
import type { AcceptedRun, RunOwner, RunProgress, StartedRun } from '../store/store.ts';
import { createEndedRuns } from './ended-runs.ts';
import type { RunEngineOptions } from './engine.ts';
import type { EventCache } from './event-cache.ts';
import { executeRun } from './execute-run.ts';
import { LiveRun } from './live-run.ts';
import type { StopReason } from './live-run.ts';
import { createOutage } from './outage.ts';
import { OwnRun } from './own-run.ts';
import { createProgressWriter } from './progress.ts';
import type { RunEnd } from './run-events.ts';
import type { Run, RunRequest } from './run.ts';

export interface LiveRunsOptions extends RunEngineOptions {
  readonly instanceId: string;
  readonly events: EventCache;
  /** Aborts when the app is closed. */
  readonly closing: AbortSignal;
  /** A run is over, and the next in its line was started. */
  readonly onNext: (next: StartedRun) => void;
  readonly onOver: (runId: string, turn: Promise<void>) => void;
}

/** The runs of this process: those that are not over, and for a while those that are. */
export interface LiveRuns {
  readonly owners: readonly RunOwner[];
  readonly counts: { readonly running: number; readonly queued: number };
  /** Takes an accepted run to its end. */
  begin(request: RunRequest, accepted: AcceptedRun, entry: Entry): Run;
  find(runId: string): Run | undefined;
  statusOf(runId: string): 'queued' | 'running' | undefined;
  attemptOf(runId: string): number | undefined;
  /** Whether a run is being stopped because nobody reads it any more. */
  isBeingLeft(runId: string): boolean;
  stop(runId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  /** Stops an attempt that others took; a later one of the same run goes on. */
  lose(owner: RunOwner): void;
  dropThread(threadId: string): void;
  close(): void;
}

/** How a run came into this process. */
export interface Entry {
  /** Resolves when a queued run may begin. */
  readonly turn: Promise<void>;
  /** To be called when the run is over. */
  readonly leave: () => void;
}

interface Live {
  readonly live: LiveRun;
  readonly run: Run;
  readonly owner: RunOwner;
  status: 'queued' | 'running';
}

export function createLiveRuns(options: LiveRunsOptions): LiveRuns {
  const { store, logger, limits, instanceId, onOver } = options;
  const endings = createOutage(logger, 'store how runs ended');
  const lives = new Map<string, Live>();
  const ended = createEndedRuns();
  const progress = store.shared ? createProgressWriter(store, logger) : undefined;

  return {
    get owners() {
      return [...lives.values()].map(({ owner }) => owner);
    },
    get counts() {
      const queued = [...lives.values()].filter(({ status }) => status === 'queued').length;
      return { queued, running: lives.size - queued };
    },

    begin(request, accepted, { turn, leave }) {
      const { runId, attempt, thread, createdThread, status } = accepted;
      // An earlier attempt, of when this process was taken for dead: whatever it does, it is over.
      lives.get(runId)?.live.stop('lost');
      const live = new LiveRun({ id: runId, threadId: thread.id, attempt }, limits);
      const run = new OwnRun(live, thread, createdThread);
      const owner = { runId, attempt, threadId: thread.id, instanceId };
      const entry: Live = { live, run, owner, status };
      lives.set(runId, entry);
      progress?.add(live, owner);
      const forgetSignal = onAbort(request.signal, () => live.stop('cancelled'));
      const onTurn = (): void => void (entry.status = 'running');
      const llm = new RunLlm({ ...options, signal: live.signal, threadId: thread.id });
      const rest = (): readonly RunProgress[] => progress?.rest(live) ?? [];
      const execution = {
        ...options,
        rest,
        run: live,
        owner,
        request,
        accepted,
        turn,
        onTurn,
        llm,
        endings,
      };
      void executeRun(execution).then((end) => {
        progress?.remove(live);
        forgetSignal();
        if (lives.get(runId) === entry) {
          lives.delete(runId);
          if (isWorthKeeping(live, end)) ended.add(run, live);
        }
        onOver(runId, turn);
        leave();
      });
      return run;
    },

    find: (runId) => lives.get(runId)?.run ?? ended.get(runId),
    statusOf: (runId) => lives.get(runId)?.status,
    attemptOf: (runId) => lives.get(runId)?.owner.attempt,
    isBeingLeft: (runId) => lives.get(runId)?.live.stopReason === 'disconnected',
    stop: (runId, reason) => lives.get(runId)?.live.stop(reason),
    lose({ runId, attempt }) {
      const entry = lives.get(runId);
      if (entry?.owner.attempt === attempt) entry.live.stop('lost');
    },
    stopAll: (reason) => lives.forEach(({ live }) => live.stop(reason)),
    dropThread(threadId) {
      ended.dropThread(threadId);
      for (const { live } of lives.values()) if (live.threadId === threadId) live.stop('cancelled');
    },
    close: () => progress?.close(),
  };
}

/**
 * The store tells as much of most runs, and what many runs leave in memory costs more to clear away
 * than they cost themselves.
 */
function isWorthKeeping({ stream }: LiveRun, end: RunEnd): boolean {
  return !isOpen(end) && (stream.toldMore || end.type !== 'result');
}

/** Whether its story may go on, here or in another process: then only the store knows how it stands. */
function isOpen(end: RunEnd): boolean {
  if (end.type === 'cancelled') return end.reason === 'disconnected';
  return (
    end.type === 'error' && (end.error.code === 'lost' || end.error.code === 'store_unavailable')
  );
}

/** Gives what ends the listening: a signal may live much longer than what listens to it. */
function onAbort(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal?.aborted) then();
  else signal?.addEventListener('abort', then, { once: true });
  return () => signal?.removeEventListener('abort', then);
}
