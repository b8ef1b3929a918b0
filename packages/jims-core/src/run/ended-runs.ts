import { JimsError, plainError } from '../errors/jims-error.ts';
import { jsonSize } from '../text/json-size.ts';
import type { LiveRun } from './live-run.ts';
import type { NumberedRunEvent } from './run-events.ts';
import { RunStream } from './run-stream.ts';
import type { Run } from './run.ts';
import { runOf } from './stored-run.ts';

/** Runs that have just ended, so that who joins late gets every piece of them. */
export interface EndedRuns {
  add(run: Run, live: LiveRun): void;
  get(runId: string): Run | undefined;
  dropThread(threadId: string): void;
}

const MAX_BYTES = 8 * 1024 * 1024;
const KEEP_MS = 600_000;
const BYTES_PER_RUN = 4000;
/** Of its error and the causes. */
const BYTES_PER_FAILURE = 12_000;

/** Bounded by size and age; the store has what matters of the rest. */
export function createEndedRuns(): EndedRuns {
  const kept = new Map<string, { run: Run; bytes: number; until: number }>();
  let total = 0;

  function drop(runId: string): void {
    total -= kept.get(runId)?.bytes ?? 0;
    kept.delete(runId);
  }

  return {
    add(run, { stream, output }) {
      const events = stream.since(0);
      const failed = events.at(-1)?.type === 'error';
      // A text of two-byte characters, and the result that repeats it.
      const sent = output.sentBytes * 4 + (failed ? BYTES_PER_FAILURE : 0);
      const bytes = BYTES_PER_RUN + sent + 2 * jsonSize(run.thread.config);
      const now = performance.now();
      const entry = failed ? failedRun(run, events) : run;
      kept.set(run.id, { run: entry, bytes, until: now + KEEP_MS });
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

/**
 * A failed run is kept without what its pipeline threw, which may be, and hold on to, anything: its
 * words are enough for who joins late.
 */
function failedRun(run: Run, events: readonly NumberedRunEvent[]): Run {
  const stream = new RunStream(run.attempt);
  for (const event of events) {
    stream.pushNumbered(event.type === 'error' ? { ...event, error: plain(event.error) } : event);
  }
  const { id: runId, thread, createdThread } = run;
  return runOf({ runId, thread, createdThread }, stream, () => {});
}

function plain({ code, message, stack, cause }: JimsError): JimsError {
  const copy = new JimsError(
    code,
    message,
    cause === undefined ? {} : { cause: plainError(cause) },
  );
  // Until it is told, a stack of one's own holds on to the functions that it names.
  return Object.assign(copy, { stack });
}
