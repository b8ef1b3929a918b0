import { setImmediate } from 'node:timers/promises';

import type { EventList, EventPage, ThreadStore } from '../store/store.ts';
import type { ThreadEvent } from '../thread/event.ts';

/** What one piece has at most, beside its bytes. */
const PIECE_EVENTS = 500;

/**
 * The events of a thread, however many, in pieces of bounded size: the process does other work between
 * them, and a slow reader has no more than one of them in memory.
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

/** As `eventPieces`, for events that are in memory; none is a piece, too. */
export async function* piecesOf(
  events: readonly ThreadEvent[],
): AsyncGenerator<readonly ThreadEvent[], void, void> {
  yield events.slice(0, PIECE_EVENTS);
  for (let from = PIECE_EVENTS; from < events.length; from += PIECE_EVENTS) {
    await setImmediate();
    yield events.slice(from, from + PIECE_EVENTS);
  }
}
