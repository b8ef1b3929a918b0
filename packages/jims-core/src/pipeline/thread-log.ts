import type { ThreadEvent } from '../thread/event.ts';

/** What is known of a log before its newest events, when that is not all of it. */
export interface OlderEvents {
  /** The newest value of each state that was set there. */
  readonly states: readonly ThreadEvent[];
}

/**
 * The events that a thread had at one moment, oldest first: all of them, or the newest and of the older
 * ones the states. The list of the newest is shared and may go on growing at its end: a copy would cost
 * every run of a long thread, and most look only at its end.
 */
export class ThreadLog {
  readonly #list: readonly ThreadEvent[];
  readonly #length: number;
  readonly #older: OlderEvents | undefined;
  #events: readonly ThreadEvent[] | undefined;

  constructor(list: readonly ThreadEvent[], older?: OlderEvents) {
    this.#list = list;
    this.#length = list.length;
    this.#older = older;
  }

  /** Whether there are older events that are not here. */
  get isCut(): boolean {
    return this.#older !== undefined;
  }

  /** All of them, as a list of their own. */
  get events(): readonly ThreadEvent[] {
    this.#events ??= [...(this.#older?.states ?? []), ...this.#list.slice(0, this.#length)];
    return this.#events;
  }

  /** Newest first. */
  *backwards(): Generator<ThreadEvent, void, void> {
    for (let at = this.#length - 1; at >= 0; at--) {
      const event = this.#list[at];
      if (event) yield event;
    }
    if (this.#older) yield* this.#older.states.toReversed();
  }

  /** The same log, as if one of its events were the last one. */
  withLast(event: ThreadEvent): ThreadLog {
    const others = this.#list.slice(0, this.#length).filter((each) => each !== event);
    return new ThreadLog([...others, event], this.#older);
  }

  findLast<TFound extends ThreadEvent>(
    isIt: (event: ThreadEvent) => event is TFound,
  ): TFound | undefined;
  findLast(isIt: (event: ThreadEvent) => boolean): ThreadEvent | undefined;
  findLast(isIt: (event: ThreadEvent) => boolean): ThreadEvent | undefined {
    for (const event of this.backwards()) if (isIt(event)) return event;
    return undefined;
  }
}
