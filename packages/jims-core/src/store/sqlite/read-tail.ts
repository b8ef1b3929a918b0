import { setImmediate } from 'node:timers/promises';

import type { ThreadEvent } from '../../thread/event.ts';
import { READ_BYTES } from '../store.ts';
import type { EventPosition, LogTail, TailQuery } from '../store.ts';
import type { EventRows } from './events.ts';

/** Reads the end of a log, newest first, in pieces: reading is synchronous, and others have their turn. */
export async function readTail(
  rows: EventRows,
  threadId: string,
  { after, maxBytes }: TailQuery,
): Promise<LogTail> {
  const newestFirst: ThreadEvent[] = [];
  let left = maxBytes;
  let isCut = false;
  for (let more = true; more;) {
    const piece = rows.newest(threadId, {
      before: newestFirst.at(-1),
      after,
      maxBytes: Math.min(left, READ_BYTES),
    });
    // A piece has one event at least, however large: only the newest of all comes in any case.
    isCut = newestFirst.length > 0 && piece.bytes > left;
    if (!isCut) newestFirst.push(...piece.events);
    left -= piece.bytes;
    more = piece.more && !isCut;
    if (more) await setImmediate();
  }
  const events = newestFirst.reverse();
  return { events, isCut, states: isCut ? await statesBefore(rows, threadId, events) : [] };
}

/** The newest value of each state that has none in `events`. */
async function statesBefore(
  rows: EventRows,
  threadId: string,
  events: readonly ThreadEvent[],
): Promise<readonly ThreadEvent[]> {
  const seen = new Set(events.map(({ type }) => type));
  const ids: string[] = [];
  for (let before: EventPosition | undefined = events[0]; before;) {
    await setImmediate();
    const { states, next } = rows.statesBefore(threadId, before);
    for (const { id, type } of states) {
      if (!seen.has(type)) ids.push(id);
      seen.add(type);
    }
    before = next;
  }
  return rows.byIds(threadId, ids);
}
