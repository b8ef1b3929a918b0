import type { Logger } from '../telemetry/logger.ts';
import type { EventCacheOptions } from './event-cache.ts';
import type { RunLimits } from './run.ts';

const CACHE_BYTES = 48 * 1024 * 1024;
const WARNED_THREADS = 10_000;

/** How an app keeps what it has read of its threads. */
export function cacheOptions({ maxThreadSize }: RunLimits, logger: Logger): EventCacheOptions {
  return { maxBytes: CACHE_BYTES, maxThreadSize, onCut: warnOfCutThreads(logger, maxThreadSize) };
}

/** Warns once of each thread, as far as so many are remembered. */
function warnOfCutThreads(logger: Logger, maxThreadSize: number): (threadId: string) => void {
  const warned = new Set<string>();
  return (threadId) => {
    if (warned.has(threadId)) return;
    if (warned.size === WARNED_THREADS) warned.clear();
    warned.add(threadId);
    const reason = `its runs load the newest ${maxThreadSize} bytes of it, and its states`;
    logger.warn({ threadId }, `a thread is larger than a run loads: ${reason}`);
  };
}
