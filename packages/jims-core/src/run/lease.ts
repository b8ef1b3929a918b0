import { describeError } from '../errors/jims-error.ts';
import type { RecoveredRun, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Outage } from './outage.ts';
import type { Recovery } from './recovery.ts';
import type { RunRegistry } from './registry.ts';
import type { Turns } from './turns.ts';
import { within } from './within.ts';

export interface LeaseOptions {
  readonly store: Store;
  readonly instanceId: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  readonly runs: Pick<RunRegistry, 'stopAll'>;
  readonly turns: Turns;
  readonly recovery: Pick<Recovery, 'about' | 'request' | 'found'>;
  /** Executes the runs that were recovered. */
  readonly engine: { recover(run: RecoveredRun): unknown };
}

const REAP_MS = 2000;
/** How long ending waits for a database that does not answer. */
const END_MS = 2000;

/** Shows the other processes that this one lives, and ends the runs of those that do not. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #renewing: Outage;
  readonly #reaping: Outage;
  #renewedAt = 0;
  #beat: NodeJS.Timeout | undefined;
  #reaper: NodeJS.Timeout | undefined;
  /** The last renewal. */
  #beating: Promise<void> = Promise.resolve();
  #isEnded = false;
  #isReaping = false;
  #lostRuns = 0;
  #reapsAgain = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#renewing = new Outage(options.logger, 'renew the lease of this process');
    this.#reaping = new Outage(options.logger, 'look for runs of dead processes');
  }

  /**
   * Takes the lease, keeps it until `end`, and listens to what other processes do to runs of this one.
   *
   * @throws JimsError `store_unavailable`; the lease is ended then.
   */
  async take(): Promise<void> {
    const { store, instanceId, leaseMs, turns, recovery } = this.#options;
    await store.renewLease(instanceId, leaseMs, recovery.about);
    this.#renewedAt = performance.now();
    this.#beat = setInterval(() => {
      this.#beating = this.#renew();
    }, leaseMs / 3).unref();
    // The jitter keeps processes that were started together from asking at the same moments.
    const reapMs = REAP_MS * (0.8 + Math.random() * 0.4);
    this.#reaper = setInterval(() => void this.#reap(), reapMs).unref();
    void this.#reap();
    try {
      await store.listen(instanceId, () => turns.hint());
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** Looks at once for runs that wait for a process. */
  reapSoon(): void {
    if (!this.#isEnded) void this.#reap();
  }

  /** Tells the others at once what has changed about this process. */
  async announce(): Promise<void> {
    this.#beating = this.#renew();
    await this.#beating;
  }

  /** Never rejects: a lease that cannot be ended now runs out, as that of a dead process. */
  async end(): Promise<void> {
    this.#isEnded = true;
    clearInterval(this.#beat);
    clearInterval(this.#reaper);
    const ended = this.#endNow().catch((error: unknown) => {
      const { logger } = this.#options;
      logger.warn({ error: describeError(error) }, 'cannot end the lease of this process');
    });
    await within(END_MS, ended);
  }

  async #endNow(): Promise<void> {
    // A renewal that arrives after the end would take the lease once more.
    await this.#beating;
    await this.#options.store.endLease(this.#options.instanceId);
  }

  /** How many runs of dead processes this one has marked lost. */
  get lostRuns(): number {
    return this.#lostRuns;
  }

  async #renew(): Promise<void> {
    const { store, instanceId, leaseMs, runs, turns, recovery } = this.#options;
    const at = performance.now();
    try {
      await store.renewLease(instanceId, leaseMs, recovery.about);
      const wasOver = this.#isOver;
      this.#renewedAt = at;
      this.#renewing.worked();
      // It ran out, as when the machine slept: other processes may have taken runs.
      if (wasOver) void turns.checkOwners();
    } catch (error) {
      if (this.#isEnded) return;
      this.#renewing.failed(error);
      if (this.#isOver) runs.stopAll('lost');
    }
  }

  /** One at a time: what is asked for meanwhile comes after it. */
  async #reap(): Promise<void> {
    this.#reapsAgain = true;
    if (this.#isReaping) return;
    this.#isReaping = true;
    while (this.#reapsAgain) {
      this.#reapsAgain = false;
      await this.#reapOnce();
    }
    this.#isReaping = false;
  }

  async #reapOnce(): Promise<void> {
    const { store, leaseMs, logger, turns, recovery, engine } = this.#options;
    // After a pause of this process it may come before the renewal: it must not reap its own runs.
    if (performance.now() - this.#renewedAt >= leaseMs / 2) await this.#renew();
    if (this.#isOver) return;
    try {
      const { lost, started, recovered } = await store.reapRuns(recovery.request);
      this.#reaping.worked();
      this.#lostRuns += lost;
      if (lost > 0) logger.warn({ lost }, 'runs of a dead process were marked lost');
      started.forEach((run) => turns.started(run));
      if (recovery.found(recovered.length)) this.#reapsAgain = true;
      recovered.forEach((run) => engine.recover(run));
    } catch (error) {
      if (!this.#isEnded) this.#reaping.failed(error);
    }
  }

  get #isOver(): boolean {
    return performance.now() - this.#renewedAt >= this.#options.leaseMs;
  }
}
