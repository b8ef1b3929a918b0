import { MAX_PIECE_CHARS } from '../text/text-pieces.ts';
import { areJoined, isAfter, isRunEnd, isText } from './run-events.ts';
import type { NumberedRunEvent, RunEnd, RunEvent, RunPosition, TextPiece } from './run-events.ts';

export interface ListenOptions {
  /**
   * Leaves out the events up to this position. When it is of an earlier attempt, `restarted` comes
   * first, then everything of the current attempt. Default: from the beginning of the current attempt.
   */
  readonly after?: RunPosition | undefined;
  /** Gives every piece of text by itself, however many the listener has missed; default false. */
  readonly piecemeal?: boolean;
}

/**
 * The events of a run for one listener, to the run's end.
 *
 * @example
 * for await (const event of run.listen()) console.log(event);
 */
export interface RunEvents extends AsyncGenerator<NumberedRunEvent, void, void> {
  /** The next event if it is there already, without a promise; `undefined` if not, or after the last. */
  takeReady(): NumberedRunEvent | undefined;
}

/** A listener that is this many events late gets pieces of text joined: one frame instead of hundreds. */
const FAR_BEHIND = 64;

/**
 * The live events of a run: one writer, and any number of listeners, each from where it likes.
 *
 * Keeps the events once for all listeners. What the pipeline may send is bounded, so a listener that
 * does not read costs nothing and never slows the run.
 */
export class EventLog {
  readonly #events: NumberedRunEvent[] = [];
  #attempt: number;
  /** Index of the first event of the current attempt. */
  #begin = 0;
  #ended: RunEnd | undefined;
  /** Made when somebody waits for the end. */
  #end: PromiseWithResolvers<RunEnd> | undefined;
  #toldMore = false;
  /** Made when a listener that has every event waits for the next one. */
  #more: PromiseWithResolvers<void> | undefined;

  constructor(attempt: number) {
    this.#attempt = attempt;
  }

  /** The newest attempt that is known here. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Number of the current attempt's newest event; 0 before the first. */
  get lastSeq(): number {
    return this.#events.at(-1)?.seq ?? 0;
  }

  /** Whether there was an event that the run's record does not keep: a status, a step, a piece of a message. */
  get toldMore(): boolean {
    return this.#toldMore;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Where the run's end is; `undefined` while it goes on, here or in another process. */
  get endPosition(): RunPosition | undefined {
    if (!this.#ended || goesOn(this.#ended)) return undefined;
    return { attempt: this.#attempt, seq: this.lastSeq };
  }

  get end(): Promise<RunEnd> {
    if (this.#ended) return Promise.resolve(this.#ended);
    this.#end ??= Promise.withResolvers<RunEnd>();
    return this.#end.promise;
  }

  /** Adds an event; dropped after the end. */
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
  listen(options: ListenOptions = {}): RunEvents {
    return new Listener(this, this.#events, options);
  }

  /** Index of the first event after a position, or of the current attempt. */
  indexAfter(position: RunPosition | undefined): number {
    const isEarlier = position === undefined || position.attempt < this.#attempt;
    return isEarlier ? this.#begin : indexAfter(this.#events, position);
  }

  /** Resolves at the next event. */
  nextEvent(): Promise<void> {
    this.#more ??= Promise.withResolvers<void>();
    return this.#more.promise;
  }

  #add(event: NumberedRunEvent): void {
    if (this.#ended) return;
    this.#events.push(event);
    this.#toldMore ||= TOLD_MORE.has(event.type);
    if (isRunEnd(event)) {
      this.#ended = event;
      this.#end?.resolve(event);
    }
    this.#more?.resolve();
    this.#more = undefined;
  }
}

/** One listener: where it is in the events of a run. */
class Listener implements RunEvents {
  readonly #stream: EventLog;
  readonly #events: readonly NumberedRunEvent[];
  readonly #after: RunPosition | undefined;
  readonly #piecemeal: boolean;
  #hasBegun = false;
  #isOver = false;
  /** Index of the next event. */
  #next = 0;
  /** Pieces of text before this index are joined. */
  #joinedUntil = 0;

  constructor(
    stream: EventLog,
    events: readonly NumberedRunEvent[],
    { after, piecemeal = false }: ListenOptions,
  ) {
    this.#stream = stream;
    this.#events = events;
    this.#after = after;
    this.#piecemeal = piecemeal;
  }

  takeReady(): NumberedRunEvent | undefined {
    if (this.#isOver) return undefined;
    const restarted = this.#hasBegun ? undefined : this.#begin();
    if (restarted) return restarted;
    const events = this.#events;
    while (this.#next < events.length) {
      if (!this.#piecemeal && events.length - this.#next > FAR_BEHIND) {
        this.#joinedUntil = events.length;
      }
      const event = this.#next + 1 < this.#joinedUntil ? this.#joined() : events[this.#next++];
      // Of a run of another process, events that the listener has may come late.
      if (event && !(this.#after && wasSeen(event, this.#after))) return event;
    }
    return undefined;
  }

  async next(): Promise<IteratorResult<NumberedRunEvent, void>> {
    for (;;) {
      const event = this.takeReady();
      if (event) return { done: false, value: event };
      if (this.#isOver || this.#stream.ended) return this.return();
      await this.#stream.nextEvent();
    }
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.#isOver = true;
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<never> {
    this.#isOver = true;
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Finds the first event; gives `restarted` to a listener that knows an earlier attempt. */
  #begin(): NumberedRunEvent | undefined {
    const after = this.#after;
    const { attempt } = this.#stream;
    this.#hasBegun = true;
    this.#next = this.#stream.indexAfter(after);
    // A listener that joins gets what it missed as joined deltas; of what comes then, only what piles up.
    if (after && !this.#piecemeal) this.#joinedUntil = this.#events.length;
    return after && after.attempt < attempt ? { type: 'restarted', attempt, seq: 0 } : undefined;
  }

  /** The next event; a piece of text with those after it that are of the same kind and message. */
  #joined(): NumberedRunEvent | undefined {
    const first = this.#events[this.#next++];
    if (!first || !isText(first)) return first;
    let last = first;
    let text = this.#unseenText(first);
    let chars = first.delta.length;
    for (; this.#next < this.#joinedUntil; this.#next++) {
      const event = this.#events[this.#next];
      if (!event || !isText(event) || !areJoined(first, event)) break;
      chars += event.delta.length;
      if (chars > MAX_PIECE_CHARS) break;
      text += this.#unseenText(event);
      last = event;
    }
    return { ...last, delta: text };
  }

  #unseenText(event: TextPiece): string {
    return this.#after && wasSeen(event, this.#after) ? '' : event.delta;
  }
}

/** What the record of a run does not keep. */
const TOLD_MORE: ReadonlySet<NumberedRunEvent['type']> = new Set([
  'status',
  'step',
  'delta',
  'reasoning',
  'tool',
]);

function goesOn(event: RunEvent): boolean {
  return event.type === 'cancelled' && event.goesOn === true;
}

/** Whether a listener has an event. Its position can be wrong: an end counts only when it is this very one. */
function wasSeen(event: NumberedRunEvent, seen: RunPosition): boolean {
  if (!isRunEnd(event)) return !isAfter(event, seen);
  return !goesOn(event) && event.attempt === seen.attempt && event.seq === seen.seq;
}

function indexAfter(events: readonly NumberedRunEvent[], position: RunPosition): number {
  const index = events.findIndex((event) => isAfter(event, position) || isRunEnd(event));
  return index < 0 ? events.length : index;
}
