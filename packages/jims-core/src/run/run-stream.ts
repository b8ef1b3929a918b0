import { MAX_PIECE_CHARS } from '../text-pieces.ts';
import { isRunEnd } from './run-events.ts';
import type { NumberedRunEvent, RunEnd, RunEvent } from './run-events.ts';

export interface ListenOptions {
  /** Leaves out the events up to this place; default 0. */
  readonly after?: number;
  /** Gives every delta by itself, however many the listener has missed; default false. */
  readonly piecemeal?: boolean;
}

/** A listener this far behind gets deltas put together: one frame of text instead of hundreds. */
const FAR_BEHIND = 64;

/**
 * The live side of a run: one writer, any number of listeners, each from where he likes.
 *
 * Keeps a run's events once for all its listeners. How much that can be is bounded where the
 * pipeline sends, so a listener that does not read costs nothing and never slows the run.
 */
export class RunStream {
  readonly #events: NumberedRunEvent[] = [];
  #ended: RunEnd | undefined;
  /** What is told of the end, once somebody waits for it. */
  #end: PromiseWithResolvers<RunEnd> | undefined;
  #toldMore = false;
  /** What listeners wait for that have heard everything. */
  #more: PromiseWithResolvers<void> | undefined;

  /** Place of the newest event; 0 before the first. */
  get lastSeq(): number {
    return this.#events.at(-1)?.seq ?? 0;
  }

  /** Whether it told something that is kept nowhere else: a status, or a piece of a message. */
  get toldMore(): boolean {
    return this.#toldMore;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get end(): Promise<RunEnd> {
    if (this.#ended) return Promise.resolve(this.#ended);
    this.#end ??= Promise.withResolvers<RunEnd>();
    return this.#end.promise;
  }

  /** Tells an event; dropped after the last one. */
  push(event: RunEvent): void {
    this.pushNumbered({ ...event, seq: this.lastSeq + 1 });
  }

  /** As `push`, for an event that has its place already; dropped when that is not a later one. */
  pushNumbered(event: NumberedRunEvent): void {
    if (this.#ended || event.seq <= this.lastSeq) return;
    this.#events.push(event);
    this.#toldMore ||= event.type === 'status' || event.type === 'delta';
    if (isRunEnd(event)) {
      this.#ended = event;
      this.#end?.resolve(event);
    }
    this.#more?.resolve();
    this.#more = undefined;
  }

  /** What is after a place. */
  since(seq: number): readonly NumberedRunEvent[] {
    return this.#events.slice(indexAfter(this.#events, seq));
  }

  /** The events after the place `after` so far, then the live ones, to the end. */
  async *listen({ after = 0, piecemeal = false }: ListenOptions = {}): AsyncGenerator<
    NumberedRunEvent,
    void,
    void
  > {
    const events = this.#events;
    let next = indexAfter(events, after);
    // All that a joiner missed is put together; of what comes then, only what piles up.
    let joinedUntil = after > 0 && !piecemeal ? events.length : 0;
    for (;;) {
      if (!piecemeal && events.length - next > FAR_BEHIND) joinedUntil = events.length;
      const event = events[next];
      if (!event) {
        if (this.#ended) return;
        await this.#news();
        continue;
      }
      // Of a run that is read from elsewhere, what the listener has seen may come only now.
      if (event.seq <= after) {
        next++;
        continue;
      }
      const from = next;
      next = endOfText(events, from, joinedUntil);
      yield joined(events.slice(from, next));
    }
  }

  #news(): Promise<void> {
    this.#more ??= Promise.withResolvers<void>();
    return this.#more.promise;
  }
}

function indexAfter(events: readonly NumberedRunEvent[], seq: number): number {
  if (seq <= 0) return 0;
  const index = events.findIndex((event) => event.seq > seq);
  return index < 0 ? events.length : index;
}

/** Behind the event at `from`, or behind all deltas of its message that are told as one with it. */
function endOfText(events: readonly NumberedRunEvent[], from: number, until: number): number {
  const first = events[from];
  let next = from + 1;
  if (first?.type !== 'delta') return next;
  let chars = first.delta.length;
  for (; next < until; next++) {
    const event = events[next];
    if (event?.type !== 'delta' || event.messageId !== first.messageId) break;
    chars += event.delta.length;
    if (chars > MAX_PIECE_CHARS) break;
  }
  return next;
}

/** Deltas as one, with the place of the last; any other event as it is. */
function joined(events: readonly NumberedRunEvent[]): NumberedRunEvent {
  return events.reduce((all, next) =>
    all.type === 'delta' && next.type === 'delta'
      ? { ...next, delta: all.delta + next.delta }
      : next,
  );
}
