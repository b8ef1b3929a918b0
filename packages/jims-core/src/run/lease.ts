import { JimsError, describeError } from '../errors/jims-error.ts';
import type { RecoveredRun, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { LeftRuns } from './left-runs.ts';
import type { LeftRunsOptions } from './left-runs.ts';
import { Outage } from './outage.ts';
import type { Recovery } from './recovery.ts';
import type { RunRegistry } from './registry.ts';
import type { Turns } from './turns.ts';
import { within } from './within.ts';

export interface LeaseOptions {
  readonly store: Pick<Store, 'renewLease' | 'endLease' | 'reapRuns' | 'listen'> &
    LeftRunsOptions['store'];
  readonly instanceId: string;
  readonly leaseMs: number;
  readonly logger: Logger;
  readonly runs: Pick<RunRegistry, 'stopAll'>;
  readonly turns: Pick<Turns, 'hint' | 'started' | 'checkOwners' | 'acceptsOver'>;
  readonly recovery: Pick<Recovery, 'about' | 'request' | 'found'>;
  /** Executes runs, also those that were recovered. */
  readonly engine: { recover(run: RecoveredRun): unknown } & LeftRunsOptions['engine'];
}

const REAP_MS = 2000;
/** How soon a renewal that failed is tried again. */
const RETRY_MS = 500;
/** How long ending waits for a database that does not answer. */
const END_MS = 2000;

/** Shows the other processes that this one lives, and ends the runs of those that do not. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #renewing: Outage;
  readonly #reaping: Outage;
  readonly #leftRuns: LeftRuns;
  #renewedAt = 0;
  /** Since when no renewal was late. */
  #inTouchSince = -Infinity;
  #beat: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #reaper: NodeJS.Timeout | undefined;
  /** The last renewal. */
  #beating: Promise<void> = Promise.resolve();
  /** The renewal that runs wait for before they begin. */
  #holding: Promise<void> | undefined;
  #isEnded = false;
  #isReaping = false;
  #lostRuns = 0;
  #reapsAgain = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#renewing = new Outage(options.logger, 'renew the lease of this process');
    this.#reaping = new Outage(options.logger, 'look for runs of dead processes');
    this.#leftRuns = new LeftRuns(options);
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
    this.#beat = setInterval(() => void this.#renew(), leaseMs / 3).unref();
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

  /** This process may have durable runs that it does not execute: those are given up. */
  suspectLeftRuns(): void {
    this.#leftRuns.suspect();
  }

  /**
   * To be awaited before a run is stored: a process whose lease is over is taken for dead, and its runs with it.
   * Waits for nothing while the lease is renewed in time.
   *
   * @throws JimsError `store_unavailable` when the lease is over and cannot be renewed.
   */
  async hold(): Promise<void> {
    if (!this.#isLate) return;
    this.#holding ??= this.#renewInTime().finally(() => {
      this.#holding = undefined;
    });
    await this.#holding;
    if (!this.#isOver) return;
    const message = 'The database does not answer: this process cannot show that it lives';
    throw new JimsError('store_unavailable', message);
  }

  /** Tells the others at once what has changed about this process. */
  announce(): Promise<void> {
    return this.#renew();
  }

  /** Never rejects: a lease that cannot be ended now runs out, as that of a dead process. */
  async end(): Promise<void> {
    this.#isEnded = true;
    clearInterval(this.#beat);
    clearInterval(this.#reaper);
    clearTimeout(this.#retry);
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

  /** A renewal counts from when it was sent: one that took as long as the lease, as over a sleep, is followed by another. */
  async #renewInTime(): Promise<void> {
    let before: number;
    do {
      before = this.#renewedAt;
      await this.#renew();
    } while (this.#isOver && this.#renewedAt > before);
  }

  /** Never rejects. */
  #renew(): Promise<void> {
    this.#beating = this.#renewNow();
    return this.#beating;
  }

  async #renewNow(): Promise<void> {
    const { store, instanceId, leaseMs, runs, turns, recovery } = this.#options;
    const at = performance.now();
    try {
      await store.renewLease(instanceId, leaseMs, recovery.about);
      const wasOver = this.#isOver;
      if (this.#isLate) this.#inTouchSince = performance.now();
      this.#renewedAt = Math.max(this.#renewedAt, at);
      this.#renewing.worked();
      // It ran out, as when the machine slept: other processes may have taken runs.
      if (wasOver) void turns.checkOwners();
    } catch (error) {
      if (this.#isEnded) return;
      this.#renewing.failed(error);
      this.#renewAgainSoon();
      if (this.#isOver) runs.stopAll('lost');
    }
  }

  #renewAgainSoon(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      void this.#renew();
    }, RETRY_MS).unref();
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
    const { store, logger, turns, recovery, engine } = this.#options;
    // After a pause of this process it may come before the renewal: it must not reap its own runs.
    if (this.#isLate) await this.#renew();
    if (this.#isOver || this.#mayBeFirst) return;
    try {
      await this.#leftRuns.release();
      const { lost, started, recovered } = await store.reapRuns(recovery.request);
      this.#reaping.worked();
      this.#lostRuns += lost;
      if (lost > 0) logger.warn({ lost }, 'runs of dead processes were marked lost');
      started.forEach((run) => turns.started(run));
      if (recovery.found(recovered.length)) this.#reapsAgain = true;
      recovered.forEach((run) => engine.recover(run));
    } catch (error) {
      // It may be that only the answer was lost, which brought runs.
      this.#leftRuns.suspect();
      if (!this.#isEnded) this.#reaping.failed(error);
    }
  }

  get #isOver(): boolean {
    return performance.now() - this.#renewedAt >= this.#options.leaseMs;
  }

  /** Whether a renewal or more is missing: after an outage, or when this process stood still. */
  get #isLate(): boolean {
    return performance.now() - this.#renewedAt >= this.#options.leaseMs / 2;
  }

  /**
   * Whether this process may be the first that the database answers after an outage. The leases of living
   * processes may be over then, until they have renewed them, too.
   */
  get #mayBeFirst(): boolean {
    return performance.now() - this.#inTouchSince < this.#options.leaseMs / 2;
  }
}
