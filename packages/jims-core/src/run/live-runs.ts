import { createRunLlm } from '../llm/run-llm.ts';
import type { AcceptedRun, StartedRun } from '../store/store.ts';
import { createEndedRuns } from './ended-runs.ts';
import type { EventCache } from './event-cache.ts';
import { executeRun } from './execute-run.ts';
import { createLiveRun } from './live-run.ts';
import type { LiveRun, StopReason } from './live-run.ts';
import { createProgressWriter } from './progress.ts';
import type { RunEngineOptions } from './run-engine.ts';
import type { Run, RunRequest } from './run.ts';

export interface LiveRunsOptions extends RunEngineOptions {
  readonly instanceId: string;
  readonly events: EventCache;
  /** A run is over, and the next in its line was started. */
  readonly onNext: (next: StartedRun) => void;
  readonly onOver: (runId: string) => void;
}

/** The runs of this process: those that are not over, and for a while those that are. */
export interface LiveRuns {
  readonly size: number;
  readonly counts: { readonly running: number; readonly queued: number };
  /** Takes an accepted run to its end; `turn` is when a queued one may begin. */
  begin(request: RunRequest, accepted: AcceptedRun, turn: Promise<void>): Run;
  find(runId: string): Run | undefined;
  statusOf(runId: string): 'queued' | 'running' | undefined;
  stop(runId: string, reason: StopReason): void;
  stopAll(reason: StopReason): void;
  dropThread(threadId: string): void;
  close(): void;
}

interface Live {
  readonly live: LiveRun;
  readonly run: Run;
  status: 'queued' | 'running';
}

export function createLiveRuns(options: LiveRunsOptions): LiveRuns {
  const { store, logger, limits, instanceId, onOver } = options;
  const lives = new Map<string, Live>();
  const ended = createEndedRuns();
  const progress = store.shared ? createProgressWriter(store, logger) : undefined;

  return {
    get size() {
      return lives.size;
    },
    get counts() {
      const queued = [...lives.values()].filter(({ status }) => status === 'queued').length;
      return { queued, running: lives.size - queued };
    },

    begin(request, accepted, turn) {
      const { runId, thread, createdThread, status } = accepted;
      const live = createLiveRun({ id: runId, threadId: thread.id }, limits);
      const run: Run = {
        id: runId,
        thread,
        createdThread,
        replayed: false,
        listen: (listening) => live.stream.listen(listening),
        end: live.stream.end,
        cancel: () => live.stop('cancelled'),
      };
      const entry: Live = { live, run, status };
      const owner = { runId, threadId: thread.id, instanceId };
      lives.set(runId, entry);
      progress?.add(live, owner);
      onAbort(request.signal, () => live.stop('cancelled'));
      const onTurn = (): void => void (entry.status = 'running');
      const llm = createRunLlm({ ...options, signal: live.signal, threadId: thread.id });
      const execution = { ...options, run: live, owner, request, accepted, turn, onTurn, llm };
      void executeRun(execution).then(() => {
        ended.add(run, live.sentBytes);
        progress?.remove(live);
        lives.delete(runId);
        onOver(runId);
      });
      return run;
    },

    find: (runId) => lives.get(runId)?.run ?? ended.get(runId),
    statusOf: (runId) => lives.get(runId)?.status,
    stop: (runId, reason) => lives.get(runId)?.live.stop(reason),
    stopAll: (reason) => lives.forEach(({ live }) => live.stop(reason)),
    dropThread(threadId) {
      ended.dropThread(threadId);
      for (const { live } of lives.values()) if (live.threadId === threadId) live.stop('cancelled');
    },
    close: () => progress?.close(),
  };
}

function onAbort(signal: AbortSignal | undefined, then: () => void): void {
  if (signal?.aborted) then();
  else signal?.addEventListener('abort', then, { once: true });
}
