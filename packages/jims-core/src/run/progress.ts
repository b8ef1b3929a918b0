import type { RunOwner, RunOwnProgress, RunProgress, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { jsonSize } from '../text/json-size.ts';
import { newEvent } from '../thread/event.ts';
import type { JsonObject } from '../thread/event.ts';
import type { LiveRun } from './live-run.ts';
import { createOutage, pauseAfter } from './outage.ts';
import { isRunEnd } from './run-events.ts';
import type { NumberedRunEvent } from './run-events.ts';

/** Writes what the runs of this process tell to the store, for who follows them from another one. */
export interface ProgressWriter {
  add(run: LiveRun, owner: RunOwner): void;
  /**
   * What is to be written with the run's end, so that who joins it elsewhere misses nothing. Nothing
   * for a run of a moment that streamed no text: its result says it all.
   */
  rest(run: LiveRun): readonly RunProgress[];
  remove(run: LiveRun): void;
  close(): void;
}

/** Short enough to read along, long enough that a quick run writes nothing. */
const FLUSH_MS = 250;
/** While the database is away. */
const LAST_PAUSE_MS = 5000;
/** What a statement brings at most, as the database makes room for all of it at once. */
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;
const NONE = { sentSeq: 0, sureSeq: 0 };

interface Written {
  readonly owner: RunOwner;
  /** The newest event that was sent to the store, and the newest that surely is there. */
  sentSeq: number;
  sureSeq: number;
}

export function createProgressWriter(store: Store, logger: Logger): ProgressWriter {
  const written = new Map<LiveRun, Written>();
  const outage = createOutage(logger, 'keep the progress of runs');
  let timer: NodeJS.Timeout;
  let isClosed = false;

  /** What is new of all runs, in one statement. */
  async function flush(): Promise<void> {
    const news: { readonly state: Written; readonly lastSeq: number; progress: RunOwnProgress }[] =
      [];
    let bytes = 0;
    for (const [run, state] of written) {
      const events: NumberedRunEvent[] = [];
      for (const event of run.stream.since(state.sureSeq)) {
        if (isRunEnd(event) || bytes >= MAX_STATEMENT_BYTES) break;
        events.push(event);
        bytes += event.type === 'delta' ? event.delta.length : jsonSize(event);
      }
      const last = events.at(-1);
      if (!last) continue;
      state.sentSeq = last.seq;
      const progress = { owner: state.owner, progress: toProgress(events) };
      news.push({ state, lastSeq: last.seq, progress });
      if (bytes >= MAX_STATEMENT_BYTES) break;
    }
    if (news.length === 0) return;
    await store.appendProgress(news.map(({ progress }) => progress));
    for (const { state, lastSeq } of news) state.sureSeq = lastSeq;
    if (bytes >= MAX_STATEMENT_BYTES) await flush();
  }

  function flushIn(ms: number): void {
    timer = setTimeout(() => void flushNow(), ms).unref();
  }

  async function flushNow(): Promise<void> {
    try {
      await flush();
      outage.worked();
    } catch (error) {
      if (!isClosed) outage.failed(error);
    }
    if (!isClosed) flushIn(pauseAfter(outage.failures, FLUSH_MS, LAST_PAUSE_MS));
  }

  flushIn(FLUSH_MS);
  return {
    add: (run, owner) => void written.set(run, { owner, sentSeq: 0, sureSeq: 0 }),
    rest(run) {
      const { sentSeq, sureSeq } = written.get(run) ?? NONE;
      // From where it surely is written; what is under way and comes twice does no harm.
      const news = run.stream.since(sureSeq);
      const isJoinable = sentSeq > 0 || news.some(({ type }) => type === 'delta');
      return isJoinable ? toProgress(news.filter((event) => !isRunEnd(event))) : [];
    },
    remove: (run) => void written.delete(run),
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** Deltas of a message that follow each other are written as one row, with the number of the last. */
function toProgress(events: readonly NumberedRunEvent[]): readonly RunProgress[] {
  const rows: RunProgress[] = [];
  let pieces: string[] = [];
  for (const [index, { seq, attempt: _, ...event }] of events.entries()) {
    if (event.type !== 'delta') {
      rows.push({ seq, event });
      continue;
    }
    const { messageId } = event;
    pieces.push(event.delta);
    const next = events[index + 1];
    if (next?.type === 'delta' && next.messageId === messageId) continue;
    rows.push({ seq, event: { type: 'delta', messageId, pieces } });
    pieces = [];
  }
  return rows;
}

/** Reads back what a {@link ProgressWriter} of any process wrote; what it does not know is left out. */
export function fromProgress(
  { seq, event }: RunProgress,
  attempt: number,
): readonly NumberedRunEvent[] {
  switch (event['type']) {
    case 'delta': {
      const messageId = String(event['messageId']);
      const pieces = Array.isArray(event['pieces']) ? event['pieces'].map(String) : [];
      const first = seq - pieces.length + 1;
      return pieces.map((delta, i) => ({
        attempt,
        seq: first + i,
        type: 'delta',
        messageId,
        delta,
      }));
    }
    case 'status': {
      const { message, statusType } = objectOf(event['status']);
      const status = { message: String(message), statusType: String(statusType) };
      return [{ attempt, seq, type: 'status', status }];
    }
    case 'event': {
      const { id, type, data } = objectOf(event['event']);
      const sent = newEvent(String(type), objectOf(data), String(id));
      return [{ attempt, seq, type: 'event', event: sent }];
    }
    default:
      return [];
  }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
