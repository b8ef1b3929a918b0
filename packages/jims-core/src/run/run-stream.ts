import { MAX_PIECE_CHARS } from '../text/text-pieces.ts';
import { isAfter, isRunEnd } from './run-events.ts';
import type { NumberedRunEvent, RunEnd, RunEvent, RunPosition } from './run-events.ts';

export interface ListenOptions {
  /**
   * Leaves out the events up to this position. When it is of an earlier attempt, `restarted` comes
   * first, then everything of the current attempt. Default: from the beginning of the current attempt.
   */
  readonly after?: RunPosition | undefined;
  /** Gives every delta by itself, however many the listener has missed; default false. */
  readonly piecemeal?: boolean;
}

/** A listener this far behind gets deltas put together: one frame of text instead of hundreds. */
const FAR_BEHIND = 64;

/**
 * The live side of a run: one writer, any number of listeners, each from where it likes.
 *
 * Keeps a run's events once for all its listeners. How much that can be is bounded where the
 * pipeline sends, so a listener that does not read costs nothing and never slows the run.
 */
export class RunStream {
  readonly #events: NumberedRunEvent[] = [];
  #attempt: number;
  /** Index of the first event of the current attempt. */
  #begin = 0;
  #ended: RunEnd | undefined;
  /** What is told of the end, once somebody waits for it. */
  #end: PromiseWithResolvers<RunEnd> | undefined;
  #toldMore = false;
  /** What listeners wait for that have heard everything. */
  #more: PromiseWithResolvers<void> | undefined;

  constructor(attempt: number) {
    this.#attempt = attempt;
  }

  /** The newest attempt that it knows of. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Number of the current attempt's newest event; 0 before the first. */
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

  /** Where the run's end is; `undefined` while it is not over, or is over for this process alone. */
  get endPosition(): RunPosition | undefined {
    if (!this.#ended || goesOn(this.#ended)) return undefined;
    return { attempt: this.#attempt, seq: this.lastSeq };
  }

  get end(): Promise<RunEnd> {
    if (this.#ended) return Promise.resolve(this.#ended);
    this.#end ??= Promise.withResolvers<RunEnd>();
    return this.#end.promise;
  }

  /** Tells an event; dropped after the last one. */
  push(event: Exclude<RunEvent, { type: 'restarted' }>): void {
    this.#add({ ...event, attempt: this.#attempt, seq: this.lastSeq + 1 });
  }

  /** As `push`, for an event that has its position already; dropped when that is not a later one. */
  pushNumbered(event: NumberedRunEvent): void {
    if (isAfter(event, { attempt: this.#attempt, seq: this.lastSeq })) this.#add(event);
  }

  /** The run is executed again: what was sent so far does not count any more. */
  restart(attempt: number): void {
    if (attempt <= this.#attempt) return;
    this.#add({ type: 'restarted', attempt, seq: 0 });
    this.#attempt = attempt;
    this.#begin = this.#events.length;
  }

  /** Ends the listening and not the run: this end has no position of its own. */
  leave(): void {
    const end = { type: 'cancelled', reason: 'shutting_down', events: [], goesOn: true } as const;
    this.#add({ ...end, attempt: this.#attempt, seq: this.lastSeq });
  }

  /** What the current attempt sent after a number. */
  since(seq: number): readonly NumberedRunEvent[] {
    return this.#events.slice(indexAfter(this.#events, { attempt: this.#attempt, seq }));
  }

  /** The events after the position `after` so far, then the live ones, to the end. */
  async *listen({ after, piecemeal = false }: ListenOptions = {}): AsyncGenerator<
    NumberedRunEvent,
    void,
    void
  > {
    const events = this.#events;
    const attempt = this.#attempt;
    let next = this.#indexAfter(after);
    // All that a joiner missed is put together; of what comes then, only what piles up.
    let joinedUntil = after && !piecemeal ? events.length : 0;
    if (after && after.attempt < attempt) yield { type: 'restarted', attempt, seq: 0 };
    // No promise for an event that is there: a stream has one for every piece of text.
    while (next < events.length || (await this.#grows(next))) {
      if (!piecemeal && events.length - next > FAR_BEHIND) joinedUntil = events.length;
      const first = next;
      next = endOfText(events, first, joinedUntil);
      const event = unseen(events.slice(first, next), after);
      if (event) yield event;
    }
  }

  #indexAfter(position: RunPosition | undefined): number {
    const isEarlier = position === undefined || position.attempt < this.#attempt;
    return isEarlier ? this.#begin : indexAfter(this.#events, position);
  }

  /** Resolves with true when there is an event at an index, with false when none comes any more. */
  async #grows(index: number): Promise<boolean> {
    while (index >= this.#events.length) {
      if (this.#ended) return false;
      this.#more ??= Promise.withResolvers<void>();
      await this.#more.promise;
    }
    return true;
  }

  #add(event: NumberedRunEvent): void {
    if (this.#ended) return;
    this.#events.push(event);
    this.#toldMore ||= event.type === 'status' || event.type === 'delta';
    if (isRunEnd(event)) {
      this.#ended = event;
      this.#end?.resolve(event);
    }
    this.#more?.resolve();
    this.#more = undefined;
  }
}

function goesOn(event: RunEvent): boolean {
  return event.type === 'cancelled' && event.goesOn === true;
}

/** Whether a listener has it. A position can be wrong: an end counts only when it is this very one. */
function wasSeen(event: NumberedRunEvent, seen: RunPosition): boolean {
  if (!isRunEnd(event)) return !isAfter(event, seen);
  return !goesOn(event) && event.attempt === seen.attempt && event.seq === seen.seq;
}

function indexAfter(events: readonly NumberedRunEvent[], position: RunPosition): number {
  const index = events.findIndex((event) => isAfter(event, position) || isRunEnd(event));
  return index < 0 ? events.length : index;
}

/** Index after the event at `from`, or after all deltas of its message that are sent as one with it. */
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

/** Events as one, without those that a listener has: of a run of another process they may come late. */
function unseen(
  events: readonly NumberedRunEvent[],
  seen: RunPosition | undefined,
): NumberedRunEvent | undefined {
  const left = seen ? events.filter((event) => !wasSeen(event, seen)) : events;
  return left.length > 0 ? joined(left) : undefined;
}

/** Deltas as one, with the position of the last; any other event as it is. */
function joined(events: readonly NumberedRunEvent[]): NumberedRunEvent {
  return events.reduce((all, next) =>
    all.type === 'delta' && next.type === 'delta'
      ? { ...next, delta: all.delta + next.delta }
      : next,
  );
}
