import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError } from '../errors/jims-error.ts';
import type { FinishResult, RunOutcomeRecord, RunOwner, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { Outage, pauseAfter } from './outage.ts';
import type { RunEnd } from './run-events.ts';
import { erased, fenced } from './run-failure.ts';
import { endOfRecord } from './stored-run.ts';
import type { Turns } from './turns.ts';

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 10_000;

export interface RunEndingsOptions {
  readonly store: Store;
  readonly turns: Turns;
  readonly logger: Logger;
  /** Aborts when the app is closed: from then on nothing is tried again. */
  readonly closing: AbortSignal;
}

/** Stores how the runs of this process ended, and starts the runs that come next in their threads. */
export class RunEndings {
  readonly #store: Store;
  readonly #turns: Turns;
  readonly #closing: AbortSignal;
  readonly #outage: Outage;

  constructor({ store, turns, logger, closing }: RunEndingsOptions) {
    this.#store = store;
    this.#turns = turns;
    this.#closing = closing;
    this.#outage = new Outage(logger, 'store how runs ended');
  }

  /**
   * Stores an end, and resolves with its events; with `fenced` when the run is not this process's to
   * end any more. Tries once more when the database did not answer: the end may have been stored, and
   * the store recognizes it by the run, its attempt and its events.
   */
  async store(
    owner: RunOwner,
    outcome: RunOutcomeRecord,
  ): Promise<readonly ThreadEvent[] | 'fenced'> {
    try {
      return this.#goOn(await this.#store.finishRun(owner, outcome));
    } catch (error) {
      if (!isJimsError(error) || error.code !== 'store_unavailable') throw error;
      return this.#goOn(await this.#store.finishRun(owner, outcome));
    }
  }

  /**
   * As `store`, for a run that was stopped or has failed: it never rejects. When the database is away
   * it resolves with no events, and goes on trying until the end is stored, or the run turns out to be
   * over, or the app is closed: no other process frees the thread while this one lives.
   */
  async storeSurely(
    owner: RunOwner,
    outcome: RunOutcomeRecord,
  ): Promise<readonly ThreadEvent[] | 'fenced'> {
    try {
      return await this.store(owner, outcome);
    } catch (error) {
      this.#outage.failed(error);
      void this.#storeLater(owner, outcome);
      return [];
    }
  }

  /**
   * Looks up how a run ended that is not this process's to end any more. Its end may still be the one
   * that this process stored, if the answer of the database was lost.
   */
  async lookUp(owner: RunOwner): Promise<RunEnd> {
    try {
      const record = await this.#store.run(owner.runId);
      if (!record) return { type: 'error', error: erased(owner.threadId) };
      const isOwn = record.attempt === owner.attempt && record.instanceId === owner.instanceId;
      const end = isOwn ? endOfRecord(record) : undefined;
      return end ?? { type: 'error', error: fenced() };
    } catch (error) {
      return { type: 'error', error: isJimsError(error) ? error : fenced() };
    }
  }

  async #storeLater(owner: RunOwner, outcome: RunOutcomeRecord): Promise<void> {
    const signal = this.#closing;
    for (let failures = 0; ; failures++) {
      const pause = pauseAfter(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
      await sleep(pause, undefined, { ref: false, signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        const stored = this.#goOn(await this.#store.finishRun(owner, outcome));
        if (stored !== 'fenced') this.#outage.worked();
        return;
      } catch (error) {
        this.#outage.failed(error);
      }
    }
  }

  #goOn(result: FinishResult): readonly ThreadEvent[] | 'fenced' {
    if (result.kind === 'fenced') return 'fenced';
    if (result.next) this.#turns.started(result.next);
    return result.events;
  }
}
