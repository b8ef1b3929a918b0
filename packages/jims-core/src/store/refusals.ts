import { JimsError } from '../errors/jims-error.ts';

/** A thread that does not exist, or that the contact does not have. */
export function threadNotFound(threadId: string): JimsError {
  return new JimsError('thread_not_found', `Thread '${threadId}' not found`);
}

/** A thread that is to be idle, and is not. */
export function threadBusy(): JimsError {
  return new JimsError('thread_busy', 'The thread has a run that is not finished');
}

/** A message that does not exist in its thread, or that the assistant did not send. */
export function messageNotFound(messageId: string): JimsError {
  const reason = `The thread has no message '${messageId}' by the assistant`;
  return new JimsError('message_not_found', reason);
}

/** A file whose bytes are not there any more. */
export function fileGone(fileId: string): JimsError {
  return new JimsError('file_gone', `The content of file '${fileId}' is not there any more`);
}
