import { setImmediate } from 'node:timers/promises';

import type { EventList, EventPage, ThreadStore } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';

/** How many events a piece has at most; the store bounds its bytes. */
const PIECE_EVENTS = 500;

/**
 * Reads the events of a thread in pieces of bounded size: the process does other work between them, and
 * a slow reader has no more than one piece in memory.
 */
export async function* eventPieces(
  store: Pick<ThreadStore, 'pageEvents'>,
  threadId: string,
  { after, domains }: Pick<EventPage, 'after' | 'domains'> = {},
): AsyncGenerator<EventList, void, void> {
  let position = after;
  for (;;) {
    const piece = await store.pageEvents(threadId, {
      limit: PIECE_EVENTS,
      ...(position && { after: position }),
      ...(domains && { domains }),
    });
    yield piece;
    if (!piece.more) return;
    position = piece.last ?? position;
    await setImmediate();
  }
}

/** As `eventPieces`, for events that are in memory; without events there is one empty piece. */
export async function* piecesOf(
  events: readonly ThreadEvent[],
): AsyncGenerator<readonly ThreadEvent[], void, void> {
  yield events.slice(0, PIECE_EVENTS);
  for (let from = PIECE_EVENTS; from < events.length; from += PIECE_EVENTS) {
    await setImmediate();
    yield events.slice(from, from + PIECE_EVENTS);
  }
}
