import { setTimeout as sleep } from 'node:timers/promises';

import { isBusy } from './errors.ts';

/** How long to wait while another program has the file locked. */
export const LOCK_WAIT_MS = 5000;
export const LOCK_RETRY_MS = 20;

/**
 * Tries again while another program has the file locked. It waits with timers, because waiting inside
 * SQLite would stop the whole process.
 */
export async function whenUnlocked<T>(work: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
    await sleep(LOCK_RETRY_MS);
  }
}
