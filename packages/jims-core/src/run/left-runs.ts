import type { RunOwner, Store } from '../store/store.ts';
import type { Turns } from './turns.ts';

export interface LeftRunsOptions {
  readonly store: Pick<Store, 'durableRunsOf' | 'releaseRun'>;
  readonly instanceId: string;
  readonly turns: Pick<Turns, 'acceptsOver'>;
  /** Knows what this process executes. */
  readonly engine: { has(run: RunOwner): boolean };
}

/** How long a statement whose answer was lost may be under way in the server. */
const UNDER_WAY_MS = 60_000;

/**
 * Durable runs that this process has, as the store says, and does not execute: the answer that gave them to it
 * was lost, or it could not give them up while the database was away. As long as it lives no other process
 * takes them, so it gives them up.
 */
export class LeftRuns {
  readonly #options: LeftRunsOptions;
  /** Until when there may be some. */
  #until = -Infinity;

  constructor(options: LeftRunsOptions) {
    this.#options = options;
  }

  /** There may be some, at once or a little later. */
  suspect(): void {
    this.#until = performance.now() + UNDER_WAY_MS;
  }

  /**
   * Gives up those that there are, if there may be any. No runs may be taken from other processes meanwhile.
   *
   * @throws JimsError `store_unavailable`
   */
  async release(): Promise<void> {
    if (performance.now() > this.#until) return;
    const { store, instanceId, turns, engine } = this.#options;
    const runs = await store.durableRunsOf(instanceId);
    // One that was accepted by now is executed as soon as that is known here.
    await turns.acceptsOver();
    for (const run of runs) if (!engine.has(run)) await store.releaseRun(run);
  }
}
