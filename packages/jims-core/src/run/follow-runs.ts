import { setTimeout as sleep } from 'node:timers/promises';

import type { RunNews, RunRecord, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createOutage, pauseAfter } from './outage.ts';
import { fromProgress } from './progress.ts';
import { erased } from './run-failure.ts';
import { RunStream } from './run-stream.ts';
import type { Run } from './run.ts';
import { endOfRecord, finish, runOf } from './stored-run.ts';

export interface FollowingOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** Ends the following, not the runs. */
  readonly signal: AbortSignal;
}

/** The runs of other processes that this one listens to, each read once for all its listeners. */
export interface Following {
  find(runId: string): Run | undefined;
  follow(record: RunRecord): Run;
}

interface Followed {
  readonly record: RunRecord;
  readonly stream: RunStream;
  readonly run: Run;
}

const POLL_MS = 200;
/** While the database is away. */
const LAST_PAUSE_MS = 5000;
/** How many runs are read at once, as each may bring a lot. */
const BATCH = 100;

/** One look at all of them, again and again, as long as there are any. */
export function createFollowing({ store, logger, signal }: FollowingOptions): Following {
  const followed = new Map<string, Followed>();
  const outage = createOutage(logger, 'follow the runs of other processes');
  let isLooking = false;
  /** Ends the pause: there is a run that was not looked at yet. */
  let wake = new AbortController();

  async function lookOn(): Promise<void> {
    isLooking = true;
    while (followed.size > 0 && !signal.aborted) {
      wake = new AbortController();
      try {
        await look();
        outage.worked();
      } catch (error) {
        outage.failed(error);
      }
      const pause = pauseAfter(outage.failures, POLL_MS, LAST_PAUSE_MS);
      const ends = AbortSignal.any([signal, wake.signal]);
      await sleep(pause, undefined, { ref: false, signal: ends }).catch(() => {});
    }
    isLooking = false;
    // Listeners come again: the runs themselves go on in other processes.
    for (const { stream } of followed.values()) stream.leave();
    followed.clear();
  }

  async function look(): Promise<void> {
    const all = [...followed.values()];
    for (let from = 0; from < all.length; from += BATCH) {
      const some = all.slice(from, from + BATCH);
      const seen = some.map(({ record: { runId }, stream: { attempt, lastSeq } }) => ({
        runId,
        attempt,
        afterSeq: lastSeq,
      }));
      const news = new Map((await store.readProgress(seen)).map((each) => [each.runId, each]));
      for (const each of some) await read(each, news.get(each.record.runId));
    }
  }

  async function read({ record, stream }: Followed, news: RunNews | undefined): Promise<void> {
    const { runId } = record;
    if (!news)
      return over(runId, () => stream.push({ type: 'error', error: erased(record.thread.id) }));
    stream.restart(news.attempt);
    for (const progress of news.progress) {
      fromProgress(progress, news.attempt).forEach((event) => stream.pushNumbered(event));
    }
    if (news.status === 'queued' || news.status === 'running') return;
    const now = await store.run(runId);
    const end = now?.attempt === news.attempt ? endOfRecord(now) : undefined;
    // Erased, or run again meanwhile: the next look says which.
    if (now && end) over(runId, () => finish(stream, now, end));
  }

  function over(runId: string, end: () => void): void {
    followed.delete(runId);
    end();
  }

  return {
    find: (runId) => followed.get(runId)?.run,
    follow(record) {
      const known = followed.get(record.runId);
      if (known) return known.run;
      const stream = new RunStream(record.attempt);
      const run = runOf(record, stream, () => {
        void store.requestCancel(record.runId).catch(() => {});
      });
      if (signal.aborted) {
        stream.leave();
        return run;
      }
      followed.set(record.runId, { record, stream, run });
      if (isLooking) wake.abort();
      else void lookOn();
      return run;
    },
  };
}
