import type { Run } from './run.ts';

/** Runs that are over and that somebody still reads: one copy in memory for all their readers. */
export interface ReadRuns {
  get(runId: string): Run | undefined;
  add(run: Run): void;
  dropThread(threadId: string): void;
}

/** Holds no run by itself: it is gone with its last reader. */
export function createReadRuns(): ReadRuns {
  const read = new Map<string, WeakRef<Run>>();
  const gone = new FinalizationRegistry((runId: string) => {
    if (!read.get(runId)?.deref()) read.delete(runId);
  });
  return {
    get: (runId) => read.get(runId)?.deref(),
    add(run) {
      read.set(run.id, new WeakRef(run));
      gone.register(run, run.id);
    },
    dropThread(threadId) {
      for (const [runId, run] of read) if (run.deref()?.thread.id === threadId) read.delete(runId);
    },
  };
}
