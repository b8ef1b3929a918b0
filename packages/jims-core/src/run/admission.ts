import { JimsError } from '../errors/jims-error.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createCallerShares, defaultShare } from './caller-shares.ts';
import { createIdleWatch } from './idle-watch.ts';
import type { RunLimits } from './run.ts';

/** Lets runs into this process, as many as it may have. */
export interface Admission {
  /**
   * Counts a run, for its caller too; gives what ends that, to be called once.
   *
   * @throws JimsError `shutting_down` once it is closed, `overloaded`, or `too_many_runs` when the
   * caller has its share.
   */
  enter(caller: string | undefined): () => void;
  /** Whether the caller has its share. */
  isFull(caller: string | undefined): boolean;
  /** Lets nobody in any more. */
  close(): void;
  /** Resolves with true as soon as everybody has left, with false when that takes longer. */
  emptyWithin(ms: number): Promise<boolean>;
}

export function createAdmission(
  { maxRuns, maxRunsPerCaller = defaultShare(maxRuns) }: RunLimits,
  metrics: Metrics,
): Admission {
  const idle = createIdleWatch();
  const shares = createCallerShares(maxRunsPerCaller);
  let closed = false;

  function refuse(code: 'shutting_down' | 'overloaded' | 'too_many_runs', message: string): never {
    metrics.countRefusal(code);
    throw new JimsError(code, message);
  }

  return {
    enter(caller) {
      if (closed) refuse('shutting_down', 'The service is shutting down');
      if (idle.count >= maxRuns) {
        refuse('overloaded', 'The service runs as much as it may: try again later');
      }
      if (shares.isFull(caller)) {
        refuse(
          'too_many_runs',
          'Too many messages of this contact are unanswered: try again later',
        );
      }
      idle.enter();
      shares.enter(caller);
      return () => {
        idle.leave();
        shares.leave(caller);
      };
    },
    isFull: (caller) => shares.isFull(caller),
    close() {
      closed = true;
    },
    emptyWithin: (ms) => idle.within(ms),
  };
}
