import type { Thread } from 'jims-client';

/** What a thread is called. Before the contact has said anything, that is the greeting. */
export function threadTitle({ title, last_message: last }: Thread): string {
  return title ?? last?.excerpt ?? 'Untitled';
}
