import { setTimeout as sleep } from 'node:timers/promises';

import { describeError } from '../errors/jims-error.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface SearchTimerOptions {
  readonly store: Pick<Store, 'indexMessages'>;
  readonly logger: Logger;
}

/** How long after a run its messages are indexed: once for all runs of that time. */
const AFTER_MS = 1000;
/** How long it rests after each piece, by how long that took: others have most of the time. */
const REST = 4;
const MIN_REST_MS = 10;

/** Brings the search up to date soon after something was said, so that a search has little to do. */
export class SearchTimer {
  readonly #options: SearchTimerOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isBusy = false;

  constructor(options: SearchTimerOptions) {
    this.#options = options;
  }

  /** Something was said. */
  soon(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => void this.#index(), AFTER_MS).unref();
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#timer);
  }

  async #index(): Promise<void> {
    this.#timer = undefined;
    // What comes meanwhile is indexed by the same loop, or after the next run.
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#indexAll();
    } catch (error) {
      // The next run or search tries again.
      const { logger } = this.#options;
      logger.warn({ error: describeError(error) }, 'cannot index messages for the search');
    } finally {
      this.#isBusy = false;
    }
  }

  async #indexAll(): Promise<void> {
    const { signal } = this.#closing;
    for (let more = true; more && !signal.aborted;) {
      const begun = performance.now();
      more = await this.#options.store.indexMessages();
      const restMs = Math.max(MIN_REST_MS, (performance.now() - begun) * REST);
      if (more) await sleep(restMs, undefined, { ref: false, signal }).catch(() => {});
    }
  }
}
