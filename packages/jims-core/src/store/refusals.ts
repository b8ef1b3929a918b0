import { JimsError } from '../errors/jims-error.ts';

export function threadNotFound(threadId: string): JimsError {
  return new JimsError('thread_not_found', `Thread '${threadId}' not found`);
}

export function threadBusy(): JimsError {
  return new JimsError('thread_busy', 'The thread has a run that is not finished');
}
