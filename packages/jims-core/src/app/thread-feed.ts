import type { EventPosition, ThreadStore } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { eventPieces } from './event-pieces.ts';

/** Which events of a thread to follow, and for how long. */
export interface ThreadFeedOptions {
  /** Begins after this event; default: at the beginning of the thread. */
  readonly after?: EventPosition;
  /** Only events of these domains; default: all. */
  readonly domains?: readonly string[];
  /** Ends the following. */
  readonly signal: AbortSignal;
}

/**
 * Gives the events of a thread, then the new ones as they come, whichever process writes them. Ends
 * when the signal aborts, or when the thread is deleted. The store wakes it when there is something new.
 */
export async function* threadFeed(
  store: Pick<ThreadStore, 'pageEvents' | 'thread' | 'watchThread'>,
  threadId: string,
  { after, domains, signal }: ThreadFeedOptions,
): AsyncGenerator<ThreadEvent, void, void> {
  // Made anew before each reading, so that a call while the log is read is not missed.
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

/** The compiler believes that a signal that was not aborted stays so. */
function isAborted({ aborted }: AbortSignal): boolean {
  return aborted;
}
