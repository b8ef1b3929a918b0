import type { StartedRun, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createOutage } from './outage.ts';

export interface LeaseOptions {
  readonly store: Store;
  readonly instanceId: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  /** The lease ran out unrenewed: others may have taken this process's runs. */
  onLost(): void;
  /** It was renewed after it had run out, as after a sleep of the machine. */
  onRegained(): void;
  /** A queued run got its turn because the one before it died with its process. */
  onStarted(run: StartedRun): void;
}

/** Shows the other processes that this one lives, and clears up after those that do not. */
export interface Lease {
  /** Rejects when the database does not answer: then it ends by itself, in time. */
  close(): Promise<void>;
}

const REAP_MS = 2000;

/** Takes the lease, and keeps it until it is closed. */
export async function holdLease(options: LeaseOptions): Promise<Lease> {
  const { store, instanceId, leaseMs, logger } = options;
  await store.renewLease(instanceId, leaseMs);
  let renewedAt = performance.now();
  const renewing = createOutage(logger, 'renew the lease of this process');
  const reaping = createOutage(logger, 'look for runs of dead processes');
  let isClosed = false;

  async function renew(): Promise<void> {
    const at = performance.now();
    try {
      await store.renewLease(instanceId, leaseMs);
      const wasLost = performance.now() - renewedAt >= leaseMs;
      renewedAt = at;
      renewing.worked();
      if (wasLost) options.onRegained();
    } catch (error) {
      if (isClosed) return;
      renewing.failed(error);
      if (performance.now() - renewedAt >= leaseMs) options.onLost();
    }
  }

  async function reap(): Promise<void> {
    // After a pause of this process it is due before the beat, perhaps: it is not to clear up after itself.
    if (performance.now() - renewedAt >= leaseMs / 2) await renew();
    if (performance.now() - renewedAt >= leaseMs) return;
    try {
      const { lost, started } = await store.reapRuns();
      reaping.worked();
      if (lost > 0) logger.warn({ lost }, 'runs of a dead process were marked lost');
      started.forEach((run) => options.onStarted(run));
    } catch (error) {
      if (!isClosed) reaping.failed(error);
    }
  }

  let beating = Promise.resolve();
  const beat = setInterval(() => {
    beating = renew();
  }, leaseMs / 3).unref();
  // The jitter keeps processes that were started together from asking at the same moments.
  const reaper = setInterval(() => void reap(), REAP_MS * (0.8 + Math.random() * 0.4)).unref();
  void reap();

  return {
    async close() {
      isClosed = true;
      clearInterval(beat);
      clearInterval(reaper);
      // A beat that arrives after the end would give the lease once more.
      await beating;
      await store.endLease(instanceId);
    },
  };
}
