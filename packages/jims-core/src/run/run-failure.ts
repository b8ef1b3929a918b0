import { JimsError, isJimsError } from '../errors/jims-error.ts';
import type { StopReason } from './live-run.ts';
import type { CancelReason } from './run-events.ts';

/** Whether somebody wanted the run to stop: that is no failure. */
export function isCancel(reason: StopReason | undefined): reason is CancelReason {
  return reason !== undefined && reason !== 'deadline' && reason !== 'lost';
}

/** What a run failed of: it was stopped, or its pipeline threw. */
export function failureOf(reason: 'deadline' | 'lost' | undefined, error: unknown): JimsError {
  switch (reason) {
    case 'deadline':
      return new JimsError('deadline', 'The run took longer than it may');
    case 'lost':
      return fenced();
    case undefined:
      return isOurs(error)
        ? error
        : new JimsError('pipeline_failed', 'Pipeline error', { cause: error });
  }
}

/** The engine's own errors; what a pipeline throws is its own failure, a JimsError or not. */
function isOurs(error: unknown): error is JimsError {
  return isJimsError(error) && (error.code === 'lost' || error.code === 'store_unavailable');
}

/** The run is another process's by now, or over. */
export function fenced(): JimsError {
  return new JimsError('lost', 'The run is no longer this process’s: nothing of it was stored');
}

/** Whether a run was fenced out. */
export function isFence(error: unknown): boolean {
  return isJimsError(error) && error.code === 'lost';
}

/** The thread is gone, and the run with it: there is nothing to be sent again. */
export function erased(threadId: string): JimsError {
  return new JimsError('thread_not_found', `Thread '${threadId}' was erased while it was used`);
}
