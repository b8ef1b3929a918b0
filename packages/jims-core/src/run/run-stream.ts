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
  readonly #end = Promise.withResolvers<RunEnd>();
  #ended = false;
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
    return this.#ended;
  }

  get end(): Promise<RunEnd> {
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
      this.#ended = true;
      this.#end.resolve(event);
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
      } else if (this.#ended) {
        return;
      } else {
        await this.#news();
      }
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
