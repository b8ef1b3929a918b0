import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RunOwner, RunProgress, Store } from '../store/store.ts';
import { newEvent } from '../thread/event.ts';
import type { JsonObject } from '../thread/event.ts';
import type { LiveRun } from './live-run.ts';
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
const NONE = { seq: 0, sureSeq: 0 };

export function createProgressWriter(store: Store, logger: Logger): ProgressWriter {
  const written = new Map<LiveRun, { owner: RunOwner; seq: number; sureSeq: number }>();

  async function flush(): Promise<void> {
    for (const [run, state] of written) {
      const news = run.stream.since(state.seq).filter((event) => !isRunEnd(event));
      const last = news.at(-1);
      if (!last) continue;
      state.seq = last.seq;
      try {
        await store.appendProgress(state.owner, toProgress(news));
        state.sureSeq = last.seq;
      } catch (error) {
        logger.warn({ error: describeError(error) }, 'cannot keep the progress of a run');
      }
    }
  }

  let flushing = Promise.resolve();
  const timer = setInterval(() => {
    flushing = flushing.then(flush);
  }, FLUSH_MS).unref();

  return {
    add: (run, owner) => void written.set(run, { owner, seq: 0, sureSeq: 0 }),
    rest(run) {
      const { seq, sureSeq } = written.get(run) ?? NONE;
      // From where it surely is written; what is under way and comes twice does no harm.
      const news = run.stream.since(sureSeq);
      const isJoinable = seq > 0 || news.some(({ type }) => type === 'delta');
      return isJoinable ? toProgress(news.filter((event) => !isRunEnd(event))) : [];
    },
    remove: (run) => void written.delete(run),
    close: () => clearInterval(timer),
  };
}

/** Deltas of a message that follow each other are written as one row, with the place of the last. */
function toProgress(events: readonly NumberedRunEvent[]): readonly RunProgress[] {
  const rows: RunProgress[] = [];
  let pieces: string[] = [];
  for (const [index, { seq, ...event }] of events.entries()) {
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
export function fromProgress({ seq, event }: RunProgress): readonly NumberedRunEvent[] {
  switch (event['type']) {
    case 'delta': {
      const messageId = String(event['messageId']);
      const pieces = Array.isArray(event['pieces']) ? event['pieces'].map(String) : [];
      const first = seq - pieces.length + 1;
      return pieces.map((delta, i) => ({ seq: first + i, type: 'delta', messageId, delta }));
    }
    case 'status': {
      const { message, statusType } = objectOf(event['status']);
      const status = { message: String(message), statusType: String(statusType) };
      return [{ seq, type: 'status', status }];
    }
    case 'event': {
      const { id, type, data } = objectOf(event['event']);
      return [{ seq, type: 'event', event: newEvent(String(type), objectOf(data), String(id)) }];
    }
    default:
      return [];
  }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
