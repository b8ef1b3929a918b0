import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 20;

/** Asks again and again until the answer is yes; the test's own time limit is the end of it. */
export async function eventually(ask: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await ask())) await sleep(EVERY_MS);
}
