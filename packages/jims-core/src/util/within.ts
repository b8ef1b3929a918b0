/** Waits for a promise so long and no longer: then it resolves with `undefined`, whatever comes later. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
    // What it rejects with when nobody waits any more.
    promise.catch(() => {});
  }
}
