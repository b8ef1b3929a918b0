import type { Database } from './database.ts';

/** Few enough that a reader, who waits for that, does not wait long. */
const BRING_IN = 20_000;

/** What happened in threads and is not yet in what lists show of them: see `sql/noted.sql`. */
export class NotedEvents {
  readonly #db: Database;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Brings in all that was committed before the call, unless that is very much. Readers who come while this
   * process is at work share the next time, so that they do not take all its connections while they wait.
   */
  bringIn(): Promise<void> {
    this.#next ??= this.#after(this.#last);
    return this.#next;
  }

  async #after(last: Promise<unknown>): Promise<void> {
    await last;
    this.#next = undefined;
    const work = this.#db.call<boolean>('bring_in_noted', { limit: BRING_IN, waits: true });
    this.#last = work.catch(() => {});
    await work;
  }

  /** Brings in some, unless another process does; resolves with whether there may be more. */
  bringInSome(): Promise<boolean> {
    return this.#db.call<boolean>('bring_in_noted', { limit: BRING_IN, waits: false });
  }
}
