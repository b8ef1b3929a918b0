import type { ThreadEvent } from '../thread/event.ts';

/** What is known of the older events of a log that is cut. */
export interface OlderEvents {
  /** The newest value of each state that they set. */
  readonly states: readonly ThreadEvent[];
}

/**
 * The events that a thread had at one moment, oldest first: all of them, or the newest events and the
 * states that older ones set. The list of the newest is shared and may grow at its end: a copy would
 * cost every run of a long thread, and most runs look only at its end.
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

  /** Whether older events are left out. */
  get isCut(): boolean {
    return this.#older !== undefined;
  }

  /** The events, in a list that does not grow. */
  get events(): readonly ThreadEvent[] {
    this.#events ??= [...(this.#older?.states ?? []), ...this.#list.slice(0, this.#length)];
    return this.#events;
  }

  /** Goes through the events, newest first. */
  *backwards(): Generator<ThreadEvent, void, void> {
    for (let at = this.#length - 1; at >= 0; at--) {
      const event = this.#list[at];
      if (event) yield event;
    }
    if (this.#older) yield* this.#older.states.toReversed();
  }

  /** The log as it was at a time: without the events that were created after it. */
  until(createdAt: string): ThreadLog {
    let length = this.#length;
    while (length > 0 && (this.#list[length - 1]?.createdAt ?? '') > createdAt) length--;
    return length === this.#length ? this : new ThreadLog(this.#list.slice(0, length), this.#older);
  }

  /** Gives the same log with one of its events moved to the end, if it has that. */
  withLast(eventId: string): ThreadLog {
    const list = this.#list.slice(0, this.#length);
    const event = list.find(({ id }) => id === eventId);
    if (!event) return this;
    return new ThreadLog([...list.filter((each) => each !== event), event], this.#older);
  }

  /** The log as it was before one of its events. */
  without(eventId: string): ThreadLog {
    const list = this.#list.slice(0, this.#length).filter(({ id }) => id !== eventId);
    return new ThreadLog(list, this.#older);
  }

  findLast<TFound extends ThreadEvent>(
    isIt: (event: ThreadEvent) => event is TFound,
  ): TFound | undefined;
  findLast(isIt: (event: ThreadEvent) => boolean): ThreadEvent | undefined;
  findLast(isIt: (event: ThreadEvent) => boolean): ThreadEvent | undefined {
    // Most runs look for the message that they answer: the last event but few.
    for (let at = this.#length - 1; at >= 0; at--) {
      const event = this.#list[at];
      if (event && isIt(event)) return event;
    }
    return this.#older?.states.findLast(isIt);
  }
}
