const FIRST_MS = 250;
const LONGEST_MS = 15_000;

interface NetworkEvents {
  readonly addEventListener?: (type: 'online', listener: () => void) => void;
  readonly removeEventListener?: (type: 'online', listener: () => void) => void;
}

/** Node and React Native have no such events. */
const network: NetworkEvents & typeof globalThis = globalThis;

/**
 * Waits before the next try, until the network is back, or until `signal` aborts: longer after each failure, not less
 * than the service wants, and never the same for two clients.
 */
export function pause(
  failures: number,
  signal: AbortSignal | undefined,
  leastSeconds = 0,
): Promise<void> {
  const grown = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  const ms = Math.max(leastSeconds * 1000, grown * (0.5 + Math.random() / 2));
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      network.removeEventListener?.('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
    network.addEventListener?.('online', done);
    if (signal?.aborted) done();
  });
}
