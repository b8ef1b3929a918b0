import { setTimeout as sleep } from 'node:timers/promises';

import type { Random } from './random.ts';

/** A way to do harm; resolves when the harm is done, and what it broke may be broken for a while. */
export interface Harm {
  readonly name: string;
  readonly weight: number;
  do(): Promise<void> | void;
}

export interface NemesisOptions {
  readonly random: Random;
  readonly harms: readonly Harm[];
  readonly until: number;
  /** Between one harm and the next. */
  readonly pauseMs: readonly [least: number, most: number];
  /** Makes good again what is still broken at the end. */
  heal(): Promise<void> | void;
}

/** Does one harm after the other; resolves with how often it did what. */
export async function unleash(options: NemesisOptions): Promise<ReadonlyMap<string, number>> {
  const { random, harms, until, pauseMs } = options;
  const done = new Map<string, number>();
  for (;;) {
    const pause = random.between(...pauseMs);
    if (performance.now() + pause >= until) {
      await options.heal();
      return done;
    }
    await sleep(pause);
    const harm = random.weighted(harms.map((each) => [each.weight, each] as const));
    await harm.do();
    done.set(harm.name, (done.get(harm.name) ?? 0) + 1);
  }
}
