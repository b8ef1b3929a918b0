import { JimsError, isJimsError } from '../errors/jims-error.ts';
import type { JimsErrorCode } from '../errors/jims-error.ts';
import { MAX_SERVICE_QUESTIONS } from '../store/store.ts';

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
  return isJimsError(error) && OUR_CODES.has(error.code);
}

const OUR_CODES: ReadonlySet<string> = new Set<JimsErrorCode>([
  'lost',
  'store_unavailable',
  'pipeline_changed',
  'chain_too_long',
  'too_many_questions',
]);

/** The error of a run that belongs to another process by now, or is over. */
export function fenced(): JimsError {
  return new JimsError('lost', 'The run is no longer this process’s: nothing of it was stored');
}

const CODE_CHANGED =
  '. Or its code has changed: run it again with the code that began the conversation, or let the code look at ctx.chainVersion';

/** The error of a pipeline that does not go the way that it went before. `how` says where; logs show the cause. */
export function changed(how: string, cause?: unknown): JimsError {
  return new JimsError(
    'pipeline_changed',
    `The pipeline takes another way than when it ran before: ${how}. Something in it is different each time: take the time from ctx.now, random numbers from ctx.random, and what comes from outside, such as the environment, from ctx.step${CODE_CHANGED}`,
    cause === undefined ? undefined : { cause },
  );
}

/** The message of such an error where the code is known to be the same. */
export function withoutCodeChange(message: string): string {
  return message.replace(CODE_CHANGED, '');
}

/** The error of a run that wanted to ask a service. */
export function tooManyQuestions(): JimsError {
  return new JimsError(
    'too_many_questions',
    `The thread has ${MAX_SERVICE_QUESTIONS} open questions to services: answer or cancel some of them first`,
  );
}

/** The error of a run whose thread was erased: sending the message again cannot help. */
export function erased(threadId: string): JimsError {
  return new JimsError('thread_not_found', `Thread '${threadId}' was erased while it was used`);
}
