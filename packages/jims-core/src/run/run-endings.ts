import { setTimeout as sleep } from 'node:timers/promises';

import { isJimsError, isUnavailable } from '../errors/jims-error.ts';
import type {
  FinishResult,
  JournalEntry,
  RunOutcomeRecord,
  RunOwner,
  Store,
} from '../store/store.ts';
import { NOBODY } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { Outage, pauseAfter } from './outage.ts';
import type { RunEnd } from './run-events.ts';
import { erased, fenced, tooManyQuestions } from './run-failure.ts';
import { endOfRecord } from './stored-run.ts';
import type { Turns } from './turns.ts';

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 10_000;

export interface RunEndingsOptions {
  readonly store: Store;
  readonly turns: Turns;
  readonly lease: { reapSoon(): void; suspectLeftRuns(): void };
  readonly logger: Logger;
  /** Aborts when the app is closed: from then on nothing is tried again. */
  readonly closing: AbortSignal;
}

/** Stores what the runs of this process came to, and starts the runs that come next in their threads. */
export class RunEndings {
  readonly #store: Store;
  readonly #turns: Turns;
  readonly #lease: RunEndingsOptions['lease'];
  readonly #closing: AbortSignal;
  readonly #outage: Outage;
  /** The runs whose ends could not be stored yet. */
  readonly #unstored = new Set<RunOwner>();

  constructor({ store, turns, lease, logger, closing }: RunEndingsOptions) {
    this.#store = store;
    this.#turns = turns;
    this.#lease = lease;
    this.#closing = closing;
    this.#outage = new Outage(logger, 'store how runs ended');
  }

  /**
   * Stores an end, and resolves with its events; with `fenced` when the run is not this process's to
   * end any more. Tries once more when the database did not answer: the end may have been stored, and
   * the store recognizes it by the run, its attempt and its events.
   *
   * @throws JimsError `too_many_questions`; nothing is stored then.
   */
  async store(
    owner: RunOwner,
    outcome: RunOutcomeRecord,
  ): Promise<readonly ThreadEvent[] | 'fenced'> {
    try {
      return this.#goOn(await this.#store.finishRun(owner, outcome));
    } catch (error) {
      if (!isUnavailable(error)) throw error;
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
      this.#unstored.add(owner);
      void this.#storeLater(owner, outcome).finally(() => this.#unstored.delete(owner));
      return [];
    }
  }

  /**
   * As `store`, for a durable run: it tries until the database is there again, or `signal` aborts, as
   * when the lease of this process is over.
   */
  storePatiently(
    owner: RunOwner,
    outcome: RunOutcomeRecord,
    signal: AbortSignal,
  ): Promise<readonly ThreadEvent[] | 'fenced'> {
    return this.#patiently(signal, async () =>
      this.#goOn(await this.#store.finishRun(owner, outcome)),
    );
  }

  /**
   * Stores results of a durable run, however long the database is away.
   *
   * @throws JimsError `lost` when the run is not this process's any more.
   */
  async storeEntries(
    owner: RunOwner,
    entries: readonly JournalEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const stored = await this.#patiently(signal, () => this.#store.storeEntries(owner, entries));
    if (stored === 'fenced') throw fenced();
  }

  /** Gives a durable run up for another process. One that cannot be given up now is when the database is there again. */
  async release(owner: RunOwner): Promise<void> {
    try {
      await this.#store.releaseRun(owner);
    } catch {
      this.#lease.suspectLeftRuns();
    }
  }

  /** Whether an attempt has ended here, and the store is still to learn of it. */
  isStoring({ runId, attempt }: RunOwner): boolean {
    return [...this.#unstored].some((each) => each.runId === runId && each.attempt === attempt);
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
      await rest(failures, signal);
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

  async #patiently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        const value = await work();
        this.#outage.worked();
        return value;
      } catch (error) {
        if (!isUnavailable(error) || signal.aborted || this.#closing.aborted) throw error;
        this.#outage.failed(error);
      }
      // It may be only the answer that was lost: the first time it tries again at once.
      if (failures > 0) await rest(failures - 1, AbortSignal.any([signal, this.#closing]));
    }
  }

  #goOn(result: FinishResult): readonly ThreadEvent[] | 'fenced' {
    if (result.kind === 'fenced') return 'fenced';
    if (result.kind === 'too_many_questions') throw tooManyQuestions();
    const { next, events } = result;
    if (next?.instanceId === NOBODY) this.#lease.reapSoon();
    else if (next) this.#turns.started(next);
    return events;
  }
}

async function rest(failures: number, signal: AbortSignal): Promise<void> {
  const pause = pauseAfter(failures, FIRST_RETRY_MS, LAST_RETRY_MS);
  await sleep(pause, undefined, { ref: false, signal }).catch(() => {});
}
