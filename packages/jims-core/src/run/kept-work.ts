import type { EntryOutcome } from '../store/store.ts';
import { inEntry } from './entry-scope.ts';
import type { WorkResult } from './journal-call.ts';
import { changed } from './run-failure.ts';
import { failureFrom, keptError, keptValue } from './step-work.ts';

export interface KeptWorkOptions<T> {
  /** For errors: `the step 'refund'`. */
  readonly what: string;
  readonly work: (key: string) => Promise<T>;
  /**
   * Whether the pipeline gets what is kept, also the first time. Else it gets then what the work gave or
   * threw, as in a run without a journal.
   */
  readonly isKeptOnly: boolean;
}

/** Work whose result is kept: both halves of a call of the journal, which share what it really gave. */
export class KeptWork<T> {
  readonly #options: KeptWorkOptions<T>;
  #first: { readonly value: T } | { readonly error: unknown } | undefined;

  constructor(options: KeptWorkOptions<T>) {
    this.#options = options;
  }

  /** Whether the work was done by this execution. */
  get isDone(): boolean {
    return this.#first !== undefined;
  }

  readonly begin = async (key: string): Promise<WorkResult> => {
    const { what, work } = this.#options;
    try {
      const { value, usage } = await inEntry(what, () => work(key));
      const outcome = keptValue(what, value);
      this.#first = { value };
      return { outcome, ...(usage.length > 0 && { usage }) };
    } catch (error) {
      this.#first = { error };
      return { outcome: keptError(error) };
    }
  };

  /** What the pipeline gets. */
  result(outcome: EntryOutcome): T {
    const first = this.#first;
    if (!first || this.#options.isKeptOnly) return this.#kept(outcome);
    if ('error' in first) throw first.error;
    return first.value;
  }

  #failure(outcome: EntryOutcome & { readonly kind: 'error' }, cause: unknown): Error {
    const failure = failureFrom(outcome, cause);
    // Its own stack is that of the journal, which says nothing.
    if (!this.#first) {
      failure.stack = `${String(failure)}\n    at ${this.#options.what}, as an earlier execution stored it`;
    }
    return failure;
  }

  #kept(outcome: EntryOutcome): T {
    const cause = this.#first && 'error' in this.#first ? this.#first.error : undefined;
    if (outcome.kind === 'error') throw this.#failure(outcome, cause);
    if (outcome.kind === 'asked') throw changed('it had asked a question here');
    const { json } = outcome;
    // It is what the work gave, and was checked to be plain JSON.
    const kept: { readonly value: T } = JSON.parse(json === undefined ? '{}' : `{"value":${json}}`);
    return kept.value;
  }
}
