import { isRunEnd } from './run-events.ts';
import type { NumberedRunEvent, RunEnd, RunEvent } from './run-events.ts';

/** The live side of a run: one writer, any number of listeners, each from where he likes. */
export interface RunStream {
  /** Tells an event; dropped after the last one. */
  push(event: RunEvent): void;
  /** As `push`, for an event that has its place already; dropped when that is not a later one. */
  pushNumbered(event: NumberedRunEvent): void;
  /** The events after the place `after` so far, then the live ones, to the end. */
  listen(options?: ListenOptions): AsyncGenerator<NumberedRunEvent, void, void>;
  /** Place of the newest event; 0 before the first. */
  readonly lastSeq: number;
  /** Whether it told something that is kept nowhere else: a status, or a piece of a message. */
  readonly toldMore: boolean;
  /** What is after a place. */
  since(seq: number): readonly NumberedRunEvent[];
  readonly ended: boolean;
  readonly end: Promise<RunEnd>;
}

export interface ListenOptions {
  /** Leaves out the events up to this place; default 0. */
  readonly after?: number;
  /** Gives every delta by itself, however many the listener has missed; default false. */
  readonly piecemeal?: boolean;
}

/** A listener this far behind gets deltas put together: one frame of text instead of hundreds. */
const FAR_BEHIND = 64;

/**
 * Keeps a run's events once for all its listeners. How much that can be is bounded where the
 * pipeline sends, so a listener that does not read costs nothing and never slows the run.
 */
export function createRunStream(): RunStream {
  const events: NumberedRunEvent[] = [];
  const end = Promise.withResolvers<RunEnd>();
  let ended = false;
  let toldMore = false;
  let more = Promise.withResolvers<void>();

  const lastSeq = (): number => events.at(-1)?.seq ?? 0;

  function pushNumbered(event: NumberedRunEvent): void {
    if (ended || event.seq <= lastSeq()) return;
    events.push(event);
    toldMore ||= event.type === 'status' || event.type === 'delta';
    if (isRunEnd(event)) {
      ended = true;
      end.resolve(event);
    }
    more.resolve();
    more = Promise.withResolvers<void>();
  }

  async function* listen({
    after = 0,
    piecemeal = false,
  }: ListenOptions = {}): AsyncGenerator<NumberedRunEvent> {
    const told = piecemeal ? asTheyAre : withDeltasJoined;
    let next = indexAfter(events, after);
    if (after > 0) {
      const missed = events.slice(next);
      next = events.length;
      yield* told(missed);
    }
    for (;;) {
      const behind = events.length - next;
      if (behind > FAR_BEHIND) {
        const missed = events.slice(Math.max(next, indexAfter(events, after)));
        next = events.length;
        yield* told(missed);
      } else if (behind > 0) {
        const event = events[next++];
        // Of a run that is read from elsewhere, what the listener has seen may come only now.
        if (event && event.seq > after) yield event;
      } else if (ended) {
        return;
      } else {
        await more.promise;
      }
    }
  }

  return {
    push: (event) => pushNumbered({ ...event, seq: lastSeq() + 1 }),
    pushNumbered,
    listen,
    since: (seq) => events.slice(indexAfter(events, seq)),
    get lastSeq() {
      return lastSeq();
    },
    get toldMore() {
      return toldMore;
    },
    get ended() {
      return ended;
    },
    end: end.promise,
  };
}

function indexAfter(events: readonly NumberedRunEvent[], seq: number): number {
  if (seq <= 0) return 0;
  const index = events.findIndex((event) => event.seq > seq);
  return index < 0 ? events.length : index;
}

function asTheyAre(events: readonly NumberedRunEvent[]): readonly NumberedRunEvent[] {
  return events;
}

function* withDeltasJoined(events: readonly NumberedRunEvent[]): Generator<NumberedRunEvent> {
  let joined: (NumberedRunEvent & { type: 'delta' }) | undefined;
  for (const event of events) {
    if (event.type === 'delta' && event.messageId === joined?.messageId) {
      joined = { ...event, delta: joined.delta + event.delta };
      continue;
    }
    if (joined) yield joined;
    joined = undefined;
    if (event.type === 'delta') joined = event;
    else yield event;
  }
  if (joined) yield joined;
}
