import { setTimeout as sleep } from 'node:timers/promises';

import { readFailure } from './provider-failure.ts';
import type { ProviderFailure } from './provider-failure.ts';

interface RetryPolicy {
  /** The first one included. */
  readonly tries: number;
  /** The first wait is drawn from 0 to this, the next from 0 to twice this, … */
  readonly retryBaseMs: number;
}

export interface Retry {
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  readonly onRetry: (failure: ProviderFailure, waitMs: number) => void;
}

/** Who is told to wait longer is better told that it failed. */
const LONGEST_WAIT_MS = 60_000;

/** Makes an attempt again while it fails in a way that may pass. Rejects with the last failure. */
export async function withRetries<T>(
  { policy, signal, onRetry }: Retry,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      const failure = readFailure(error);
      const waitMs = failure.retryAfterMs ?? Math.random() * policy.retryBaseMs * 2 ** (tried - 1);
      if (!failure.retryable || tried >= policy.tries || waitMs > LONGEST_WAIT_MS) throw error;
      onRetry(failure, waitMs);
      await pause(waitMs, signal);
    }
  }
}

/** Rejects with the signal's own reason, which says who stopped it. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
