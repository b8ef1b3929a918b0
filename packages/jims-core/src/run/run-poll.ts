import { JimsError, describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Store } from '../store/store.ts';

export interface RunPollOptions {
  readonly store: Store;
  readonly instanceId: string;
  readonly logger: Logger;
  /** Whether this process has runs that somebody may ask to stop. */
  readonly hasRuns: () => boolean;
  /** Somebody asked for a run of this process to be stopped. */
  readonly onCancelRequested: (runId: string) => void;
}

/** What others did to the runs of this process. */
export interface RunPoll {
  /**
   * Resolves when the queued run has its turn; rejects when it was given up meanwhile. To be called
   * before the run is accepted: its turn may come before the accepting call returns.
   */
  turnOf(runId: string): Promise<void>;
  /** The run got its turn, as this process knows itself. */
  started(runId: string): void;
  /** False when it was not waited for. */
  forget(runId: string): boolean;
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
  const { store, instanceId, logger, onCancelRequested } = options;
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  let polling = false;

  async function poll(): Promise<void> {
    if (polling || !options.hasRuns()) return;
    polling = true;
    try {
      for (const run of await store.pollRuns(instanceId, [...waiting.keys()])) {
        const { runId, status, cancelRequested } = run;
        if (status === 'running') settle(runId, (turn) => turn.resolve());
        else if (status !== 'queued') settle(runId, (turn) => turn.reject(lost()));
        if (cancelRequested) onCancelRequested(runId);
      }
    } catch (error) {
      logger.warn({ error: describeError(error) }, 'cannot look for the turns of queued runs');
    } finally {
      polling = false;
    }
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
    started: (runId) => settle(runId, (turn) => turn.resolve()),
    forget: (runId) => waiting.delete(runId),
    wake: () => void poll(),
    close: () => clearInterval(timer),
  };
}

function lost(): JimsError {
  return new JimsError(
    'lost',
    'The run was given up while it waited: this process was taken for dead',
  );
}
