import { JimsError } from '../errors/jims-error.ts';
import type { PolledRun, RunOwner, StartedRun, Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createOutage } from './outage.ts';

export interface RunPollOptions {
  readonly store: Store;
  readonly instanceId: string;
  readonly logger: Logger;
  /** The runs of this process. */
  readonly owners: () => readonly RunOwner[];
  /** Somebody asked for a run of this process to be stopped. */
  readonly onCancelRequested: (runId: string) => void;
  /** The attempt of a run is no longer this process's. */
  readonly onTaken: (owner: RunOwner) => void;
}

/** What others did to the runs of this process. */
export interface RunPoll {
  /**
   * Resolves when the queued run has its turn; rejects when it was given up meanwhile. To be called
   * before the run is accepted: its turn may come before the accepting call returns.
   */
  turnOf(runId: string): Promise<void>;
  /** A run got its turn, as this process knows itself. */
  started(run: StartedRun): void;
  forget(runId: string, turn: Promise<void>): void;
  /** Looks whether runs were taken away: this process may have been taken for dead. */
  checkOwners(): Promise<void>;
  /** Looks now. */
  wake(): void;
  close(): void;
}

const POLL_MS = 500;

/**
 * A turn is told by whoever ends the run before: here directly, from another process by a hint. A
 * slow poll finds what a lost hint did not say: turns, wishes to stop, and runs that were marked lost.
 */
export function createRunPoll(options: RunPollOptions): RunPoll {
  const { store, instanceId, logger, owners, onCancelRequested, onTaken } = options;
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  const outage = createOutage(logger, 'look for the turns of queued runs');
  let polling = false;
  let isClosed = false;

  async function poll(): Promise<void> {
    if (polling || owners().length === 0) return;
    polling = true;
    const asked = new Map(waiting);
    try {
      for (const run of await store.pollRuns(instanceId, [...waiting.keys()])) {
        tellTurn(run, asked);
        if (run.cancelRequested) onCancelRequested(run.runId);
      }
      outage.worked();
    } catch (error) {
      if (!isClosed) outage.failed(error);
    } finally {
      polling = false;
    }
  }

  function tellTurn(run: PolledRun, asked: ReadonlyMap<string, unknown>): void {
    const { runId, status } = run;
    if (isActive(run) && status === 'running') settle(runId, (turn) => turn.resolve());
    // A lost run that another process runs again is over for this one; but one that this process has
    // begun again since it asked is not.
    if (!isActive(run) && waiting.get(runId) === asked.get(runId)) {
      settle(runId, (turn) => turn.reject(lost()));
    }
  }

  async function checkOwners(): Promise<void> {
    const mine = new Map(owners().map((owner) => [owner.runId, owner]));
    try {
      for (const run of await store.pollRuns(instanceId, [...mine.keys()])) {
        const owner = mine.get(run.runId);
        const isKept = isActive(run) && run.attempt === owner?.attempt;
        if (owner && !isKept) onTaken(owner);
      }
    } catch (error) {
      outage.failed(error);
    }
  }

  function isActive({ status, instanceId: by }: PolledRun): boolean {
    return by === instanceId && (status === 'queued' || status === 'running');
  }

  function settle(runId: string, how: (turn: PromiseWithResolvers<void>) => void): void {
    const turn = waiting.get(runId);
    waiting.delete(runId);
    if (turn) how(turn);
  }

  const timer = setInterval(() => void poll(), POLL_MS).unref();
  return {
    turnOf(runId) {
      const turn = Promise.withResolvers<void>();
      turn.promise.catch(() => {});
      waiting.set(runId, turn);
      return turn.promise;
    },
    started(run) {
      if (run.instanceId === instanceId) settle(run.runId, (turn) => turn.resolve());
    },
    forget(runId, turn) {
      if (waiting.get(runId)?.promise === turn) waiting.delete(runId);
    },
    checkOwners,
    wake: () => void poll(),
    close() {
      isClosed = true;
      clearInterval(timer);
    },
  };
}

function lost(): JimsError {
  return new JimsError(
    'lost',
    'The run was given up while it waited: this process was taken for dead',
  );
}
