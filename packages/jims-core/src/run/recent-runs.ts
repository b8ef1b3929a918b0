import { JimsError, plainError } from '../errors/jims-error.ts';
import { jsonSize } from '../text/json-size.ts';
import { EventLog } from './event-log.ts';
import { ReleasingMap } from './releasing-map.ts';
import type { NumberedRunEvent } from './run-events.ts';
import { Run, identityOf } from './run.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const KEEP_MS = 600_000;
const BYTES_PER_RUN = 4000;
/** For the error and its causes. */
const BYTES_PER_FAILURE = 12_000;

/**
 * Runs of this process that have just ended: late joiners get every piece of them. Bounded by size and
 * age; the store has what matters of the others.
 */
export class RecentRuns {
  /** By id, the oldest first. */
  readonly #kept = new ReleasingMap<string, { run: Run; bytes: number; until: number }>();
  #bytes = 0;

  /** Keeps a run that is over; `sentBytes` is what its pipeline has sent. */
  add(run: Run, stream: EventLog, sentBytes: number): void {
    const hasFailed = stream.since(0).at(-1)?.type === 'error';
    // Text of two-byte characters, and the result that repeats it.
    const sent = sentBytes * 4 + (hasFailed ? BYTES_PER_FAILURE : 0);
    const bytes = BYTES_PER_RUN + sent + 2 * jsonSize(run.thread.config);
    const now = performance.now();
    const kept = new Run(identityOf(run), hasFailed ? withPlainError(stream) : stream);
    this.#kept.set(run.id, { run: kept, bytes, until: now + KEEP_MS });
    this.#bytes += bytes;
    for (const oldest of this.#kept.values()) {
      if (this.#bytes <= MAX_BYTES && oldest.until > now) break;
      this.#drop(oldest.run.id);
    }
  }

  get(runId: string): Run | undefined {
    return this.#kept.get(runId)?.run;
  }

  drop(threadId: string): void {
    for (const { run } of this.#kept.values()) if (run.thread.id === threadId) this.#drop(run.id);
  }

  #drop(runId: string): void {
    this.#bytes -= this.#kept.get(runId)?.bytes ?? 0;
    this.#kept.delete(runId);
  }
}

/** What a pipeline threw may be, and hold on to, anything: its text is enough for late joiners. */
function withPlainError(stream: EventLog): EventLog {
  const copy = new EventLog(stream.attempt);
  stream
    .since(0)
    .map(plain)
    .forEach((event) => copy.pushNumbered(event));
  return copy;
}

function plain(event: NumberedRunEvent): NumberedRunEvent {
  if (event.type !== 'error') return event;
  const { code, message, stack, cause } = event.error;
  const error = new JimsError(
    code,
    message,
    cause === undefined ? {} : { cause: plainError(cause) },
  );
  // Until it is read, the stack of an error holds on to the functions that it names.
  return { ...event, error: Object.assign(error, { stack }) };
}
