import type { ChatSnapshot } from 'jims-client';

/** Whether the service was heard of in this chat. */
export function wasReached({ messages, run }: ChatSnapshot): boolean {
  return run !== undefined || messages.some(({ createdAt, runId }) => createdAt ?? runId);
}
