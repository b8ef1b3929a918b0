import { setImmediate } from 'node:timers/promises';

import { describeError } from '../errors/jims-error.ts';
import { within } from '../run/within.ts';
import type { ThreadStore } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';

/** How long a search waits for what was said since the last one. A database that was never searched needs longer. */
const WAIT_MS = 2000;

/**
 * Brings up to date what searches find, when somebody searches: an app whose threads are never searched
 * does no work for it. Searches at the same time share the work, and what takes longer than a search waits
 * goes on after it.
 */
export class MessageIndex {
  #working: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** Resolves when all that was said is found, or after some seconds: then a part of it is found. */
  async catchUp(store: Pick<ThreadStore, 'indexMessages'>, options: CatchUpOptions): Promise<void> {
    // Work that is under way may have passed a thread that was written since.
    this.#next ??= this.#work(store, options, this.#working);
    await within(WAIT_MS, this.#next);
  }

  async #work(
    store: Pick<ThreadStore, 'indexMessages'>,
    { logger, closed }: CatchUpOptions,
    before: Promise<void> | undefined,
  ): Promise<void> {
    await before;
    this.#working = this.#next;
    this.#next = undefined;
    try {
      while (!closed.aborted && (await store.indexMessages())) await setImmediate();
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'a search may not find what was said last');
    }
  }
}

interface CatchUpOptions {
  readonly logger: Logger;
  /** Aborts when the app is closed. */
  readonly closed: AbortSignal;
}
