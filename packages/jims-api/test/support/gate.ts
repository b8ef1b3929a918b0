/** Something that a pipeline waits for, and a test lets happen. */
export interface Gate {
  readonly open: () => void;
  /** Rejects when the signal aborts. */
  readonly passed: (signal: AbortSignal) => Promise<void>;
}

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    open: resolve,
    passed(signal) {
      const stopped = Promise.withResolvers<never>();
      const stop = (): void => stopped.reject(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
      return Promise.race([promise, stopped.promise]);
    },
  };
}
