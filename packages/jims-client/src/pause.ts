import { JimsApiError } from './errors.ts';

const FIRST_MS = 250;
const LONGEST_MS = 15_000;

/** How long to wait before try number `tries`, from 1 on: longer each time, and never the same for two clients. */
export function pauseBefore(tries: number, error?: JimsApiError): number {
  const grown = Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1));
  return Math.max(grown * (0.5 + Math.random() / 2), (error?.retryAfter ?? 0) * 1000);
}

/** React Native has no such events. */
declare const addEventListener: Listen | undefined;
declare const removeEventListener: Listen | undefined;

type Listen = (type: 'online', listener: () => void) => void;

const hasEvents = typeof addEventListener === 'function';

/** Waits, or until the network is back. @throws JimsApiError `aborted` */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      if (hasEvents) removeEventListener?.('online', done);
      if (signal?.aborted) reject(aborted());
      else resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
    if (hasEvents) addEventListener?.('online', done);
    if (signal?.aborted) done();
  });
}

export function aborted(): JimsApiError {
  return new JimsApiError('It was given up', { code: 'aborted' });
}
