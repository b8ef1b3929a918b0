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
  remove(run: LiveRun): void;
  close(): void;
}

/** Short enough to read along, long enough that a quick run writes nothing. */
const FLUSH_MS = 250;

export function createProgressWriter(store: Store, logger: Logger): ProgressWriter {
  const written = new Map<LiveRun, { owner: RunOwner; seq: number }>();

  async function flush(): Promise<void> {
    for (const [run, state] of written) {
      const news = run.stream.since(state.seq).filter((event) => !isRunEnd(event));
      const last = news.at(-1);
      if (!last) continue;
      state.seq = last.seq;
      try {
        await store.appendProgress(state.owner, news.map(toProgress));
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
    add: (run, owner) => void written.set(run, { owner, seq: 0 }),
    remove: (run) => void written.delete(run),
    close: () => clearInterval(timer),
  };
}

function toProgress({ seq, ...event }: NumberedRunEvent): RunProgress {
  return { seq, event };
}

/** Reads back what a {@link ProgressWriter} of any process wrote; what it does not know is left out. */
export function fromProgress({ seq, event }: RunProgress): NumberedRunEvent | undefined {
  switch (event['type']) {
    case 'delta':
      return {
        seq,
        type: 'delta',
        messageId: String(event['messageId']),
        delta: String(event['delta']),
      };
    case 'status': {
      const { message, statusType } = objectOf(event['status']);
      return {
        seq,
        type: 'status',
        status: { message: String(message), statusType: String(statusType) },
      };
    }
    case 'event': {
      const { id, type, data } = objectOf(event['event']);
      return { seq, type: 'event', event: newEvent(String(type), objectOf(data), String(id)) };
    }
    default:
      return undefined;
  }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
