import { setImmediate } from 'node:timers/promises';

import type { ThreadEvent } from '../thread/event.ts';
import { READ_BYTES } from './store.ts';
import type { EventPosition, LogTail, TailQuery } from './store.ts';

/** What a store reads of a log from its end. */
export interface TailSource {
  /** Events before a position, of all without one, newest first: so many bytes, but one at least. */
  newest(piece: TailPiece): NewestEvents | Promise<NewestEvents>;
  /** The newest value of each state before a position, in order, but of these event types. */
  statesBefore(before: EventPosition, except: ReadonlySet<string>): Promise<readonly ThreadEvent[]>;
}

export interface TailPiece {
  readonly before: EventPosition | undefined;
  readonly after: EventPosition | undefined;
  readonly maxBytes: number;
}

export interface NewestEvents {
  readonly events: readonly ThreadEvent[];
  readonly bytes: number;
  /** Whether there are older ones. */
  readonly more: boolean;
}

/** Reads the end of a log, newest first, in pieces: others have their turn in between. */
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
    // A piece has one event at least, however large: only the newest of all comes in any case.
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
