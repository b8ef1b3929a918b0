import { setTimeout as sleep } from 'node:timers/promises';

import type { Lab } from './lab.ts';

/** A way to do harm; resolves when the harm is done, and what it broke may be broken for a while. */
export interface Harm {
  readonly name: string;
  readonly weight: number;
  do(): Promise<void> | void;
}

export interface NemesisOptions {
  readonly harms: readonly Harm[];
  readonly until: number;
  /** Between one harm and the next. */
  readonly pauseMs: readonly [least: number, most: number];
  /** Makes good again what is still broken at the end. */
  heal(): Promise<void> | void;
}

/** Does one kind of harm after another, each once and then by its weight. Its figures say how often it did each. */
export async function unleash(lab: Lab, options: NemesisOptions): Promise<void> {
  const { harms, until, pauseMs } = options;
  const random = lab.random.fork();
  const done = new Map<string, number>();
  const first = random.between(0, harms.length - 1);
  const once = [...harms.slice(first), ...harms.slice(0, first)];
  for (;;) {
    const pause = random.between(...pauseMs);
    if (performance.now() + pause >= until) break;
    await sleep(pause);
    const harm = once.pop() ?? random.weighted(harms.map((each) => [each.weight, each] as const));
    lab.history.write({ what: 'harm', harm: harm.name });
    await harm.do();
    done.set(harm.name, (done.get(harm.name) ?? 0) + 1);
  }
  await options.heal();
  for (const [name, times] of done) lab.figure(name, times);
}
