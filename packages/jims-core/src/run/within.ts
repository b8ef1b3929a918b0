import { TIMER_MS } from '../errors/number-option.ts';

/** Waits for a promise for `ms` milliseconds; then resolves with `undefined`. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), Math.min(ms, TIMER_MS.most));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
    // A later rejection would be unhandled.
    promise.catch(() => {});
  }
}
