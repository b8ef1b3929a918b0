import { isUnavailable } from '../../errors/jims-error.ts';
import type { Database } from './database.ts';

/** What one piece brings in. */
const PIECE_EVENTS = 1000;
/** A reader waits for so many pieces at most: what comes after them is brought in by the upkeep. */
const MAX_PIECES = 20;

/** What happened in threads and is not yet in what lists show of them: see `sql/noted.sql`. */
export class NotedEvents {
  readonly #db: Database;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Brings in all that was committed before the call, unless that is very much. Readers that come while this
   * process is at work share the next time, so that they do not take all its connections while they wait.
   */
  bringIn(): Promise<void> {
    this.#next ??= this.#after(this.#last);
    return this.#next;
  }

  async #after(last: Promise<unknown>): Promise<void> {
    await last;
    this.#next = undefined;
    const work = this.#bringInPieces();
    this.#last = work.catch(() => {});
    await work;
  }

  /** A read works where nothing can be written: a full disk does not hide what is there. */
  async #bringInPieces(): Promise<void> {
    try {
      for (let count = 0; count < MAX_PIECES && (await this.#bringInPiece(true)); count++);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  /** Brings in some, unless another process does; resolves with whether there may be more. */
  bringInSome(): Promise<boolean> {
    return this.#bringInPiece(false);
  }

  #bringInPiece(waits: boolean): Promise<boolean> {
    return this.#db.call<boolean>('bring_in_noted', { limit: PIECE_EVENTS, waits });
  }
}
