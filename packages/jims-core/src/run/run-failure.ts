import { JimsError, isJimsError } from '../errors/jims-error.ts';

/** The error of a run that was stopped without being cancelled, or whose pipeline threw. */
export function failureOf(reason: 'deadline' | 'lost' | undefined, error: unknown): JimsError {
  switch (reason) {
    case 'deadline':
      return new JimsError('deadline', 'The run took longer than it may');
    case 'lost':
      return fenced();
    case undefined:
      // The text of what a pipeline throws stays in `cause`: clients get the messages of runs.
      return isOurs(error)
        ? error
        : new JimsError('pipeline_failed', 'Pipeline error', { cause: error });
  }
}

/**
 * The engine's own errors. Anything else that a pipeline throws is its own failure, also any other
 * JimsError; one with these codes passes for the engine's, and clients get the message of a `lost`.
 */
function isOurs(error: unknown): error is JimsError {
  return isJimsError(error) && (error.code === 'lost' || error.code === 'store_unavailable');
}

/** The error of a run that belongs to another process by now, or is over. */
export function fenced(): JimsError {
  return new JimsError('lost', 'The run is no longer this process’s: nothing of it was stored');
}

/** The error of a run whose thread was erased: sending the message again cannot help. */
export function erased(threadId: string): JimsError {
  return new JimsError('thread_not_found', `Thread '${threadId}' was erased while it was used`);
}
