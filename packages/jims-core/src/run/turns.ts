import { JimsError } from '../errors/jims-error.ts';
import type { PolledRun, RunOwner, StartedRun, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { Outage } from './outage.ts';

/** The runs of this process, which others may stop or take. */
export interface OwnRuns {
  readonly owners: readonly RunOwner[];
  stop(runId: string, reason: 'cancelled'): void;
  /** Stops an attempt that is not this process's any more. */
  lose(owner: RunOwner): void;
}

export interface TurnsOptions {
  readonly store: Pick<Store, 'pollRuns'>;
  readonly instanceId: string;
  readonly logger: Logger;
  readonly runs: OwnRuns;
}

interface WaitingRun {
  readonly attempt: number;
  readonly turn: PromiseWithResolvers<void>;
}

const POLL_MS = 500;

/**
 * Lets queued runs wait for their turns. The one that ends the run before says that it is their turn:
 * this process directly, another one by a hint. A slow poll finds what a lost hint would have said:
 * turns, requests to stop, and runs that were marked lost.
 */
export class Turns {
  readonly #store: TurnsOptions['store'];
  readonly #instanceId: string;
  readonly #runs: OwnRuns;
  readonly #outage: Outage;
  readonly #waiting = new Map<string, WaitingRun>();
  readonly #early = new EarlyTurns();
  readonly #timer: NodeJS.Timeout;
  #isPolling = false;
  #pollsAgain = false;
  #isClosed = false;

  constructor({ store, instanceId, logger, runs }: TurnsOptions) {
    this.#store = store;
    this.#instanceId = instanceId;
    this.#runs = runs;
    this.#outage = new Outage(logger, 'look for the turns of queued runs');
    this.#timer = setInterval(() => void this.#poll(), POLL_MS).unref();
  }

  /**
   * To be called before a run is accepted: its turn may come before the store has answered. Call what
   * it returns when the run waits, or was not accepted, or need not wait.
   */
  beginAccept(): () => void {
    return this.#early.beginAccept();
  }

  /** Resolves when the accepts that are under way now are over. */
  acceptsOver(): Promise<void> {
    return this.#early.acceptsOver();
  }

  /**
   * Resolves when the queued run has its turn. Rejects with the reason of the signal when that aborts,
   * with `lost` when the run was taken from this process meanwhile.
   */
  async wait({ runId, attempt }: RunOwner, signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const waiting = { attempt, turn };
    const stop = (): void => turn.reject(signal.reason);
    this.#waiting.set(runId, waiting);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    if (this.#early.take(runId)) turn.resolve();
    // The turn of an attempt that follows a lost one may have gone to the lost one.
    else if (attempt > 1 || this.#early.wasHinted) this.#pollAfresh();
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', stop);
      if (this.#waiting.get(runId) === waiting) this.#waiting.delete(runId);
    }
    // It may have got its turn on the way to being stopped.
    signal.throwIfAborted();
  }

  /** Gives a run its turn; runs of other processes are left to them. */
  started({ runId, instanceId }: StartedRun): void {
    if (instanceId !== this.#instanceId) return;
    const waiting = this.#waiting.get(runId);
    if (waiting) waiting.turn.resolve();
    else this.#early.add(runId);
  }

  /** Another process did something to a run of this one: looks what. */
  hint(): void {
    this.#early.hint();
    this.#pollAfresh();
  }

  /** Stops the runs that were taken from this process, as when it was taken for dead. */
  async checkOwners(): Promise<void> {
    const owners = new Map(this.#runs.owners.map((owner) => [owner.runId, owner]));
    try {
      for (const run of await this.#store.pollRuns(this.#instanceId, [...owners.keys()])) {
        const owner = owners.get(run.runId);
        const isKept = this.#isActive(run) && run.attempt === owner?.attempt;
        if (owner && !isKept) this.#runs.lose(owner);
      }
    } catch (error) {
      this.#outage.failed(error);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  /** Polls now, or once more after the poll that is under way: its answer may be too old. */
  #pollAfresh(): void {
    this.#pollsAgain = true;
    void this.#poll();
  }

  async #poll(): Promise<void> {
    if (this.#isPolling || this.#runs.owners.length === 0) return;
    this.#isPolling = true;
    do {
      this.#pollsAgain = false;
      await this.#pollOnce();
    } while (this.#pollsAgain && !this.#isClosed);
    this.#isPolling = false;
  }

  /** Never rejects. */
  async #pollOnce(): Promise<void> {
    try {
      for (const run of await this.#store.pollRuns(this.#instanceId, [...this.#waiting.keys()])) {
        this.#tell(run);
        if (run.cancelRequested) this.#runs.stop(run.runId, 'cancelled');
      }
      this.#outage.worked();
    } catch (error) {
      if (!this.#isClosed) this.#outage.failed(error);
    }
  }

  #tell(run: PolledRun): void {
    const waiting = this.#waiting.get(run.runId);
    // The answer may be older than the attempt that waits.
    if (!waiting || run.attempt < waiting.attempt) return;
    if (run.attempt > waiting.attempt || !this.#isActive(run)) waiting.turn.reject(lost());
    else if (run.status === 'running') waiting.turn.resolve();
  }

  #isActive({ status, instanceId }: PolledRun): boolean {
    return instanceId === this.#instanceId && (status === 'queued' || status === 'running');
  }
}

/**
 * The turns that came while runs were being accepted, for runs that do not wait yet. Each is kept until
 * the accepts that were under way at that time have returned.
 */
class EarlyTurns {
  /** The accepts that are under way, by their numbers, oldest first. */
  readonly #accepts = new Set<number>();
  #newest = 0;
  /** By run, with the newest accept of that time; oldest first. */
  readonly #turns = new Map<string, number>();
  /** The newest accept of when a hint came. */
  #hinted = 0;
  /** Those that wait until all accepts are over that were under way at a time. */
  readonly #waiting = new Set<{ readonly newest: number; readonly resolve: () => void }>();

  /** Whether a hint came during an accept that is under way. */
  get wasHinted(): boolean {
    return this.#oldest <= this.#hinted;
  }

  beginAccept(): () => void {
    const accept = ++this.#newest;
    this.#accepts.add(accept);
    return () => {
      this.#accepts.delete(accept);
      for (const [runId, newest] of this.#turns) {
        if (newest >= this.#oldest) break;
        this.#turns.delete(runId);
      }
      for (const waiting of this.#waiting) {
        if (waiting.newest >= this.#oldest) continue;
        this.#waiting.delete(waiting);
        waiting.resolve();
      }
    };
  }

  acceptsOver(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#oldest > this.#newest) resolve();
    else this.#waiting.add({ newest: this.#newest, resolve });
    return promise;
  }

  add(runId: string): void {
    if (this.#accepts.size === 0) return;
    this.#turns.delete(runId);
    this.#turns.set(runId, this.#newest);
  }

  take(runId: string): boolean {
    return this.#turns.delete(runId);
  }

  hint(): void {
    this.#hinted = this.#newest;
  }

  get #oldest(): number {
    const [oldest = Infinity] = this.#accepts;
    return oldest;
  }
}

function lost(): JimsError {
  const reason = 'The run was given up while it waited: this process was taken for dead';
  return new JimsError('lost', reason);
}
