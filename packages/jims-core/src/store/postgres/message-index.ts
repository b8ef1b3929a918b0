import { setImmediate } from 'node:timers/promises';

import { MAX_SEARCHED, searchWords } from '../search-words.ts';
import type { Database } from './database.ts';

/** How many messages are taken at once. */
const TAKE_MESSAGES = 200;
/** After so many characters the process does other work. */
const REST_CHARS = 64 * 1024;

/** A message that the search does not know yet; without text when it is gone, or has none. */
interface TakenMessage {
  /** Where it is in the table of what is to be done. */
  readonly row: string;
  readonly threadId: string;
  readonly eventId: string;
  readonly text: string | null;
}

/** What one step of the index came to. */
interface IndexStep {
  readonly count: number;
  /** Whether another process is at work on what is left. */
  readonly isBusy: boolean;
}

/** Lets the search know messages, some at a time. */
export class MessageIndex {
  readonly #db: Database;
  #last: Promise<unknown> = Promise.resolve();

  constructor(db: Database) {
    this.#db = db;
  }

  /** The next messages. Steps of this process come one after the other. */
  next(): Promise<IndexStep> {
    const step = this.#last.then(() => this.#step());
    this.#last = step.catch(() => {});
    return step;
  }

  async #step(): Promise<IndexStep> {
    const { messages, isBusy } = await this.#db.call<{
      readonly messages: readonly TakenMessage[];
      readonly isBusy: boolean;
    }>('take_unindexed', { limit: TAKE_MESSAGES, chars: MAX_SEARCHED });
    if (messages.length === 0) return { count: 0, isBusy };
    const known: object[] = [];
    let chars = 0;
    for (const { text, ...message } of messages) {
      known.push({ ...message, words: searchWords(text ?? '') });
      chars += text?.length ?? 0;
      if (chars < REST_CHARS) continue;
      chars = 0;
      await setImmediate();
    }
    await this.#db.call('put_words', { messages: JSON.stringify(known) });
    return { count: messages.length, isBusy };
  }
}
