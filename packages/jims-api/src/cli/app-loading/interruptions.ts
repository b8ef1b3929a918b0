/**
 * Waits for a step of loading an app, and for what may end it otherwise: an error that nobody
 * catches, in a timer or a promise that was left alone, or that there is nothing left to wait for.
 */
export async function orInterrupted<T>(step: Promise<T>, nothingLeft: () => Error): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  const onError = (error: unknown): void => interrupted.reject(error);
  const onIdle = (): void => interrupted.reject(nothingLeft());
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  process.on('beforeExit', onIdle);
  try {
    return await Promise.race([step, interrupted.promise]);
  } finally {
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
    process.off('beforeExit', onIdle);
  }
}
