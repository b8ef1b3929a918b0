import type { EventPosition, ThreadStore } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { eventPieces } from './event-pieces.ts';

export interface ThreadFeedOptions {
  /** Begins after this event; at the thread's beginning without it. */
  readonly after?: EventPosition;
  /** Only events of these domains. */
  readonly domains?: readonly string[];
  /** Ends the feed. */
  readonly signal: AbortSignal;
}

/**
 * The events of a thread, those that are there and then those that come, whichever process writes
 * them. Ends when the signal aborts, or when the thread is deleted. While nothing comes it does
 * nothing: the store wakes it.
 */
export async function* threadFeed(
  store: Pick<ThreadStore, 'pageEvents' | 'thread' | 'watchThread'>,
  threadId: string,
  { after, domains, signal }: ThreadFeedOptions,
): AsyncGenerator<ThreadEvent, void, void> {
  // Each is resolved by the first call after it was made: a call while the log is read is not missed.
  let news = Promise.withResolvers<void>();
  const wake = (): void => news.resolve();
  const unwatch = store.watchThread(threadId, wake);
  signal.addEventListener('abort', wake, { once: true });
  try {
    let position = after;
    while (!signal.aborted) {
      news = Promise.withResolvers<void>();
      const start = position;
      const from = { ...(position && { after: position }), ...(domains && { domains }) };
      for await (const { events, last } of eventPieces(store, threadId, from)) {
        yield* events;
        position = last ?? position;
      }
      // Nothing new may mean that there is no thread any more.
      if (position === start && !(await store.thread(threadId))) return;
      if (!isAborted(signal)) await news.promise;
    }
  } finally {
    signal.removeEventListener('abort', wake);
    unwatch();
  }
}

/** It may have been aborted since it was last looked at, which the compiler does not know. */
function isAborted({ aborted }: AbortSignal): boolean {
  return aborted;
}
