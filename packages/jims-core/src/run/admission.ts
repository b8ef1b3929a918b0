import { JimsError } from '../errors.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createIdleWatch } from './idle-watch.ts';

/** Lets runs into this process, as many as it may have. */
export interface Admission {
  /** @throws JimsError `overloaded`, or `shutting_down` once it is closed. */
  enter(): void;
  leave(): void;
  /** Lets nobody in any more. */
  close(): void;
  /** Resolves with true as soon as everybody has left, with false when that takes longer. */
  emptyWithin(ms: number): Promise<boolean>;
}

export function createAdmission(maxRuns: number, metrics: Metrics): Admission {
  const idle = createIdleWatch();
  let closed = false;

  function refuse(code: 'shutting_down' | 'overloaded', message: string): never {
    metrics.countRefusal(code);
    throw new JimsError(code, message);
  }

  return {
    enter() {
      if (closed) refuse('shutting_down', 'The service is shutting down');
      if (idle.count >= maxRuns) {
        refuse('overloaded', 'The service runs as much as it may: try again later');
      }
      idle.enter();
    },
    leave: () => idle.leave(),
    close() {
      closed = true;
    },
    emptyWithin: (ms) => idle.within(ms),
  };
}
