import { setTimeout as sleep } from 'node:timers/promises';

import type { EventPosition, ThreadStore } from '../store/store.ts';
import type { ThreadEvent } from './event.ts';

export interface ThreadFeedOptions {
  /** Begins behind this event; at the thread's beginning without it. */
  readonly after?: EventPosition;
  /** Only events of these domains. */
  readonly domains?: readonly string[];
  /** Ends the feed. */
  readonly signal: AbortSignal;
}

const PAGE = 500;
const POLL_MS = 500;

/**
 * The events of a thread, those that are there and then those that come, whichever process writes
 * them. Ends when the signal aborts, or when the thread is deleted.
 */
export async function* threadFeed(
  store: Pick<ThreadStore, 'pageEvents' | 'thread'>,
  threadId: string,
  { after, domains, signal }: ThreadFeedOptions,
): AsyncGenerator<ThreadEvent, void, void> {
  let position = after;
  while (!signal.aborted) {
    const page = await store.pageEvents(threadId, {
      limit: PAGE,
      ...(position && { after: position }),
      ...(domains && { domains }),
    });
    for (const event of page) {
      yield event;
      position = event;
    }
    if (page.length === PAGE) continue;
    if (page.length === 0 && !(await store.thread(threadId))) return;
    await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
