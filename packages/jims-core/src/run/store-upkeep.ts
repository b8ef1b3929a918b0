import type { Store } from '../store/store.ts';
import { removeOld } from './retention.ts';
import type { RetentionOptions } from './retention.ts';
import { UpkeepTimer, inPieces } from './upkeep.ts';

export interface StoreUpkeepOptions extends RetentionOptions {
  readonly store: Pick<Store, 'purge' | 'indexMessages'>;
}

const INDEX_EVERY_MS = 1000;
/**
 * What is not indexed yet does no harm: a tenth of the time is enough, and a search does the rest. While a process is
 * busy, those who wait for answers have nearly all of it.
 */
const INDEX_REST = { times: 9, timesWhenBusy: 39 };

/** What each process does for its store beside its runs. */
export class StoreUpkeep {
  readonly #timers: readonly UpkeepTimer[];

  constructor(options: StoreUpkeepOptions) {
    const { store, logger } = options;
    this.#timers = [
      new UpkeepTimer({
        work: (signal) => removeOld(options, signal),
        logger,
        task: 'remove what is too old',
      }),
      // A search does so itself, but only so much of it that it still answers quickly.
      new UpkeepTimer({
        work: (signal) => inPieces(() => store.indexMessages(), signal, INDEX_REST),
        logger,
        task: 'index messages for the search',
        everyMs: INDEX_EVERY_MS,
      }),
    ];
  }

  start(): void {
    for (const timer of this.#timers) timer.start();
  }

  close(): void {
    for (const timer of this.#timers) timer.close();
  }
}
