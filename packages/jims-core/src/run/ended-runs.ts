import type { Run } from './run.ts';

/** Runs that have just ended, so that who joins late gets every piece of them. */
export interface EndedRuns {
  add(run: Run, bytes: number): void;
  get(runId: string): Run | undefined;
  dropThread(threadId: string): void;
}

const MAX_BYTES = 8 * 1024 * 1024;
const KEEP_MS = 600_000;
const BYTES_PER_RUN = 4000;

/** Bounded by size and age; the store has what matters of the rest. */
export function createEndedRuns(): EndedRuns {
  const kept = new Map<string, { run: Run; bytes: number; until: number }>();
  let total = 0;

  function drop(runId: string): void {
    total -= kept.get(runId)?.bytes ?? 0;
    kept.delete(runId);
  }

  return {
    add(run, sentBytes) {
      // A text of two-byte characters, and the result that repeats it.
      const bytes = BYTES_PER_RUN + sentBytes * 4;
      const now = performance.now();
      kept.set(run.id, { run, bytes, until: now + KEEP_MS });
      total += bytes;
      for (const [id, oldest] of kept) {
        if (total <= MAX_BYTES && oldest.until > now) break;
        drop(id);
      }
    },
    get: (runId) => kept.get(runId)?.run,
    dropThread(threadId) {
      for (const [id, { run }] of kept) if (run.thread.id === threadId) drop(id);
    },
  };
}
