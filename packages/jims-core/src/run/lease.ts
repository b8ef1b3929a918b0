import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { StartedRun, Store } from '../store/store.ts';

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
  close(): Promise<void>;
}

const REAP_MS = 2000;

/** Takes the lease, and keeps it until it is closed. */
export async function holdLease(options: LeaseOptions): Promise<Lease> {
  const { store, instanceId, leaseMs, logger } = options;
  await store.renewLease(instanceId, leaseMs);
  let renewedAt = performance.now();

  async function renew(): Promise<void> {
    const at = performance.now();
    try {
      await store.renewLease(instanceId, leaseMs);
      const wasLost = performance.now() - renewedAt >= leaseMs;
      renewedAt = at;
      if (wasLost) options.onRegained();
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'cannot renew the lease of this process');
      if (performance.now() - renewedAt >= leaseMs) options.onLost();
    }
  }

  async function reap(): Promise<void> {
    // After a pause of this process it is due before the beat, perhaps: it is not to clear up after itself.
    if (performance.now() - renewedAt >= leaseMs / 2) await renew();
    if (performance.now() - renewedAt >= leaseMs) return;
    try {
      const { lost, started } = await store.reapRuns();
      if (lost > 0) logger.warn({ lost }, 'runs of a dead process were marked lost');
      started.forEach((run) => options.onStarted(run));
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'cannot look for runs of dead processes');
    }
  }

  const beat = setInterval(() => void renew(), leaseMs / 3).unref();
  // The jitter keeps processes that were started together from asking at the same moments.
  const reaper = setInterval(() => void reap(), REAP_MS * (0.8 + Math.random() * 0.4)).unref();
  void reap();

  return {
    async close() {
      clearInterval(beat);
      clearInterval(reaper);
      await store.endLease(instanceId);
    },
  };
}
