import type { RunOwner, Store } from '../store/store.ts';
import type { Turns } from './turns.ts';

export interface LeftRunsOptions {
  readonly store: Pick<Store, 'durableRunsOf' | 'releaseRun'>;
  readonly instanceId: string;
  readonly turns: Pick<Turns, 'acceptsOver'>;
  /** Knows what this process executes. */
  readonly engine: { has(run: RunOwner): boolean };
}

/**
 * Durable runs that this process has, as the store says, and does not execute: the answer that gave them to it
 * was lost, or it could not give them up while the database was away. As long as it lives no other process
 * takes them, so it gives them up.
 */
export class LeftRuns {
  readonly #options: LeftRunsOptions;
  #mayBeThere = false;

  constructor(options: LeftRunsOptions) {
    this.#options = options;
  }

  /** There may be some from now on. */
  suspect(): void {
    this.#mayBeThere = true;
  }

  /**
   * Gives up those that there are, if there may be any. No runs may be taken from other processes meanwhile.
   *
   * @throws JimsError `store_unavailable`; the next call tries again.
   */
  async release(): Promise<void> {
    if (!this.#mayBeThere) return;
    this.#mayBeThere = false;
    const { store, instanceId, turns, engine } = this.#options;
    try {
      const runs = await store.durableRunsOf(instanceId);
      // One that was accepted by now is executed as soon as that is known here.
      await turns.acceptsOver();
      for (const run of runs) if (!engine.has(run)) await store.releaseRun(run);
    } catch (error) {
      this.#mayBeThere = true;
      throw error;
    }
  }
}
