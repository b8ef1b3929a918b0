import type { ThreadEvent } from './event.ts';

/**
 * The events that a thread had at one moment, oldest first. The list behind it is shared and may go on
 * growing at its end: a copy would cost every run of a long thread, and most look only at its end.
 */
export class ThreadLog {
  readonly #list: readonly ThreadEvent[];
  readonly #length: number;
  #events: readonly ThreadEvent[] | undefined;

  constructor(list: readonly ThreadEvent[]) {
    this.#list = list;
    this.#length = list.length;
  }

  /** All of them, as a list of their own. */
  get events(): readonly ThreadEvent[] {
    this.#events ??= this.#list.slice(0, this.#length);
    return this.#events;
  }

  /** Newest first. */
  *backwards(): Generator<ThreadEvent, void, void> {
    for (let at = this.#length - 1; at >= 0; at--) {
      const event = this.#list[at];
      if (event) yield event;
    }
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
