import { setTimeout as sleep } from 'node:timers/promises';

import { readFacts } from '../check/facts.ts';
import type { Facts } from '../check/facts.ts';

const PAUSE_MS = 200;

/** Resolves with what a database holds, when no run is active, or at the time given. */
export async function untilEnded(url: string, until: number): Promise<Facts> {
  for (;;) {
    const facts = await readFacts(url);
    const isActive = facts.runs.some(({ status }) => status === 'queued' || status === 'running');
    if (!isActive || performance.now() >= until) return facts;
    await sleep(PAUSE_MS);
  }
}
