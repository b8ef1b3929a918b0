import { setImmediate } from 'node:timers/promises';

import type { ThreadEvent } from '../thread/event.ts';
import { READ_BYTES } from './store.ts';
import type { EventPosition, LogTail, TailQuery } from './store.ts';

/** How a store reads a log from its end. */
export interface TailSource {
  /** Events before a position or the last ones, newest first: so many bytes, but one event at least. */
  newest(piece: TailPiece): NewestEvents | Promise<NewestEvents>;
  /** The newest value of each state before a position, in order, except of these event types. */
  statesBefore(before: EventPosition, except: ReadonlySet<string>): Promise<readonly ThreadEvent[]>;
}

/** A piece of a log, between two positions. */
export interface TailPiece {
  readonly before: EventPosition | undefined;
  readonly after: EventPosition | undefined;
  readonly maxBytes: number;
}

/** Events from the end of a piece. */
export interface NewestEvents {
  readonly events: readonly ThreadEvent[];
  readonly bytes: number;
  /** Whether there are older ones. */
  readonly more: boolean;
}

/** Reads the end of a log, newest first, in pieces. Other work has its turn in between. */
export async function readTail(
  source: TailSource,
  { after, before, maxBytes }: TailQuery,
): Promise<LogTail> {
  const newestFirst: ThreadEvent[] = [];
  let left = maxBytes;
  let isCut = false;
  for (let more = true; more;) {
    const piece = await source.newest({
      before: newestFirst.at(-1) ?? before,
      after,
      maxBytes: Math.min(left, READ_BYTES),
    });
    // A piece has one event at least, however large. Only the newest of all may exceed the bound.
    isCut = newestFirst.length > 0 && piece.bytes > left;
    if (!isCut) newestFirst.push(...piece.events);
    left -= piece.bytes;
    more = piece.more && !isCut;
    if (more) await setImmediate();
  }
  const events = newestFirst.toReversed();
  const [oldest] = events;
  if (!isCut || !oldest) return { events, isCut: false, states: [] };
  const types = new Set(events.map(({ type }) => type));
  return { events, isCut, states: await source.statesBefore(oldest, types) };
}
