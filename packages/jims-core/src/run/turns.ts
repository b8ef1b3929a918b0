import { JimsError, describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Store } from '../store/store.ts';

const POLL_MS = 500;

/** The queued runs of this process, each waiting for its turn. */
export interface Turns {
  /** To be called before the run is accepted: its turn may come before the accepting call returns. */
  expect(runId: string): Promise<void>;
  started(runId: string): void;
  forget(runId: string): void;
  close(): void;
}

/**
 * A turn is told by whoever ends the run before: here directly, from another process by a hint. A
 * slow poll finds what a lost hint did not say, and the runs that were marked lost while they waited.
 */
export function createTurns(store: Store, logger: Logger): Turns {
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  let polling = false;

  async function poll(): Promise<void> {
    if (polling || waiting.size === 0) return;
    polling = true;
    try {
      for (const [runId, status] of await store.runStatuses([...waiting.keys()])) {
        if (status === 'running') settle(runId, (turn) => turn.resolve());
        else if (status !== 'queued') settle(runId, (turn) => turn.reject(lost()));
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
    expect(runId) {
      const turn = Promise.withResolvers<void>();
      turn.promise.catch(() => {});
      waiting.set(runId, turn);
      return turn.promise;
    },
    started: (runId) => settle(runId, (turn) => turn.resolve()),
    forget: (runId) => void waiting.delete(runId),
    close: () => clearInterval(timer),
  };
}

function lost(): JimsError {
  return new JimsError(
    'lost',
    'The run was given up while it waited: this process was taken for dead',
  );
}
