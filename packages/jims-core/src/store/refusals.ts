import { JimsError } from '../errors/jims-error.ts';

/** A thread that does not exist, or that the contact does not have. */
export function threadNotFound(threadId: string): JimsError {
  return new JimsError('thread_not_found', `Thread '${threadId}' not found`);
}

/** A thread that is to be idle, and is not. */
export function threadBusy(): JimsError {
  return new JimsError('thread_busy', 'The thread has a run that is not finished');
}
