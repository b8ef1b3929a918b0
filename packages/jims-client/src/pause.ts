const FIRST_MS = 250;
const LONGEST_MS = 15_000;

interface NetworkEvents {
  readonly addEventListener?: (type: 'online', listener: () => void) => void;
  readonly removeEventListener?: (type: 'online', listener: () => void) => void;
}

/** Node and React Native have no such events. */
const network: NetworkEvents & typeof globalThis = globalThis;

/**
 * Waits before try number `tries + 1`, or until the network is back: longer each time, not less than the
 * service wants, and never the same for two clients. Rejects with the reason of `signal`.
 */
export function pause(tries: number, signal: AbortSignal | undefined, leastMs = 0): Promise<void> {
  const grown = Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1));
  const ms = Math.max(leastMs, grown * (0.5 + Math.random() / 2));
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      network.removeEventListener?.('online', done);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
    network.addEventListener?.('online', done);
    if (signal?.aborted) done();
  });
}
