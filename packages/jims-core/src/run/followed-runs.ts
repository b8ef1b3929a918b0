import { setTimeout as sleep } from 'node:timers/promises';

import type { RunNews, RunRecord, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { EventLog } from './event-log.ts';
import { Outage, pauseAfter } from './outage.ts';
import { fromProgress } from './progress-rows.ts';
import { erased } from './run-failure.ts';
import { Run } from './run.ts';
import { endOfRecord, pushEnd } from './stored-run.ts';

interface FollowedRun {
  readonly run: Run;
  readonly stream: EventLog;
}

const POLL_MS = 200;
/** While the database is away. */
const LAST_PAUSE_MS = 5000;
/** How many runs are read at once, as each may bring a lot. */
const BATCH = 100;

/**
 * The runs of other processes that this one listens to: each is read once for all its listeners. One
 * loop looks at all of them, as long as there are any.
 */
export class FollowedRuns {
  readonly #store: Store;
  /** Ends the following, not the runs. */
  readonly #signal: AbortSignal;
  readonly #outage: Outage;
  readonly #followed = new Map<string, FollowedRun>();
  #isLooking = false;
  /** Ends the pause, as there is a run that was not looked at yet. */
  #wake = new AbortController();

  constructor(store: Store, logger: Logger, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
    this.#outage = new Outage(logger, 'follow the runs of other processes');
  }

  find(runId: string): Run | undefined {
    return this.#followed.get(runId)?.run;
  }

  /** Follows an unfinished run to its end. */
  follow(record: RunRecord): Run {
    const { runId, attempt } = record;
    const known = this.find(runId);
    if (known) return known;
    const stream = new EventLog(attempt);
    const run = new Run(record, stream, {
      // Only the process that runs it counts readers.
      attach: () => () => {},
      cancel: () => void this.#store.requestCancel(runId).catch(() => {}),
    });
    if (this.#signal.aborted) {
      stream.leave();
      return run;
    }
    this.#followed.set(runId, { run, stream });
    if (this.#isLooking) this.#wake.abort();
    else void this.#lookOn();
    return run;
  }

  async #lookOn(): Promise<void> {
    this.#isLooking = true;
    while (this.#followed.size > 0 && !this.#signal.aborted) {
      this.#wake = new AbortController();
      try {
        await this.#look();
        this.#outage.worked();
      } catch (error) {
        this.#outage.failed(error);
      }
      const pause = pauseAfter(this.#outage.failures, POLL_MS, LAST_PAUSE_MS);
      const signal = AbortSignal.any([this.#signal, this.#wake.signal]);
      await sleep(pause, undefined, { ref: false, signal }).catch(() => {});
    }
    this.#isLooking = false;
    // The runs go on in other processes: listeners come again.
    for (const { stream } of this.#followed.values()) stream.leave();
    this.#followed.clear();
  }

  async #look(): Promise<void> {
    const all = [...this.#followed.values()];
    for (let from = 0; from < all.length; from += BATCH) {
      const batch = all.slice(from, from + BATCH);
      const seen = batch.map(({ run: { id: runId }, stream: { attempt, lastSeq } }) => ({
        runId,
        attempt,
        afterSeq: lastSeq,
      }));
      const news = new Map(
        (await this.#store.readProgress(seen)).map((each) => [each.runId, each]),
      );
      for (const each of batch) await this.#read(each, news.get(each.run.id));
    }
  }

  async #read({ run, stream }: FollowedRun, news: RunNews | undefined): Promise<void> {
    if (!news) {
      this.#followed.delete(run.id);
      stream.push({ type: 'error', error: erased(run.thread.id) });
      return;
    }
    stream.restart(news.attempt);
    for (const progress of news.progress) {
      fromProgress(progress, news.attempt).forEach((event) => stream.pushNumbered(event));
    }
    if (news.status === 'queued' || news.status === 'running') return;
    const record = await this.#store.run(run.id);
    const end = record?.attempt === news.attempt ? endOfRecord(record) : undefined;
    // Erased, or run again meanwhile: the next look says which.
    if (!record || !end) return;
    this.#followed.delete(run.id);
    pushEnd(stream, record, end);
  }
}
