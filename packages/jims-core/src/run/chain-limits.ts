import { JimsError } from '../errors/jims-error.ts';
import type { JournalEntry } from '../store/store.ts';
import { charsOf } from './replay.ts';
import type { Replay } from './replay.ts';

const MAX_ENTRIES = 1000;
const MAX_QUESTIONS = 100;
const MAX_CHARS = 32 * 1024 * 1024;

/** A new entry; that of a question has no outcome yet. */
type CountedEntry = Pick<JournalEntry, 'kind'> & Partial<Pick<JournalEntry, 'outcome'>>;

/** How much one chain has kept, against what it may keep. */
export class ChainLimits {
  #entries: number;
  #questions: number;
  #chars: number;

  constructor({ entries, questions, chars }: Replay['size']) {
    this.#entries = entries;
    this.#questions = questions;
    this.#chars = chars;
  }

  /** Counts a new entry; gives the error when it is too much. */
  count({ kind, outcome }: CountedEntry): JimsError | undefined {
    this.#entries++;
    if (kind === 'ask') this.#questions++;
    if (outcome) this.#chars += charsOf(outcome);
    const isTooMuch =
      this.#entries > MAX_ENTRIES || this.#questions > MAX_QUESTIONS || this.#chars > MAX_CHARS;
    if (!isTooMuch) return undefined;
    return new JimsError(
      'chain_too_long',
      `One execution of a pipeline may keep ${MAX_ENTRIES} results, ${MAX_QUESTIONS} questions and ${MAX_CHARS} characters: let it return when a matter is done, and keep what the next message needs with setState`,
    );
  }
}
