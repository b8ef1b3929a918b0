import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RunRecord, Store } from '../store/store.ts';
import { fromProgress } from './progress.ts';
import { RunStream } from './run-stream.ts';
import type { Run } from './run.ts';
import { endOfRecord, finish, runOf } from './stored-run.ts';

export interface FollowOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** Ends the following, not the run. */
  readonly signal: AbortSignal;
  readonly cancel: () => void;
}

const POLL_MS = 200;

/** A run that another process runs, told by what that process writes down. */
export function followRun(record: RunRecord, options: FollowOptions): Run {
  const { store, logger, signal } = options;
  const stream = new RunStream();

  async function readOn(): Promise<void> {
    // First whether it is over, then what it told: in this order nothing is missed.
    const now = await store.run(record.runId);
    for (const progress of await store.readProgress(record.runId, stream.lastSeq)) {
      fromProgress(progress).forEach((event) => stream.pushNumbered(event));
    }
    const end = now ? endOfRecord(now) : endOfRecord({ ...record, status: 'cancelled' });
    if (end) finish(stream, now ?? record, end);
  }

  async function follow(): Promise<void> {
    while (!stream.ended && !signal.aborted) {
      try {
        await readOn();
      } catch (error) {
        logger.warn({ error: describeError(error) }, 'cannot follow a run of another process');
      }
      if (!stream.ended) await sleep(POLL_MS, undefined, { ref: false, signal }).catch(() => {});
    }
    // Who listens here is told to come again: the run itself goes on elsewhere.
    if (!stream.ended)
      finish(stream, record, { type: 'cancelled', reason: 'shutting_down', events: [] });
  }

  void follow();
  return runOf(record, stream, options.cancel);
}
