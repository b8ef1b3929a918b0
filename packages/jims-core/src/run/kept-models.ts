import type { AnswerStream, Llm } from '../llm/llm.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { EntryOutcome } from '../store/store.ts';
import { inEntry, isInEntry } from './entry-scope.ts';
import type { Journal, WorkResult } from './journal.ts';
import { KeptStream } from './kept-stream.ts';
import { failureFrom, keptError, keptValue, valueFrom } from './step-work.ts';

/**
 * The models of one pipeline, whose answers are kept in its journal: none is asked twice for the same.
 * Inside a step they are a part of the step. Vectors and rankings are not kept, as they may be large:
 * a pipeline that branches on them puts them into a step.
 */
export class KeptModels implements Llm {
  readonly #llm: Llm;
  readonly #journal: Journal;
  /** Whether the pipeline gets what is kept also the first time. */
  readonly #isDurable: boolean;

  constructor(llm: Llm, journal: Journal, isDurable: boolean) {
    this.#llm = llm;
    this.#journal = journal;
    this.#isDurable = isDurable;
  }

  readonly chatCompletionPlain: Llm['chatCompletionPlain'] = (...args) =>
    this.#keep('llm.chat', () => this.#llm.chatCompletionPlain(...args));

  readonly chatCompletionStructured: Llm['chatCompletionStructured'] = (...args) =>
    this.#keep('llm.structured', () => this.#llm.chatCompletionStructured(...args));

  readonly chatCompletionWithTools: Llm['chatCompletionWithTools'] = (...args) =>
    this.#keep('llm.tools', () => this.#llm.chatCompletionWithTools(...args));

  readonly stream: Llm['stream'] = (...args) => {
    const start = (): AnswerStream => this.#llm.stream(...args);
    const keep = (work: () => Promise<readonly [string, string | undefined]>) =>
      this.#keep('llm.stream', work);
    return new KeptStream(start, this.#isDurable ? keep : undefined);
  };

  readonly createEmbedding: Llm['createEmbedding'] = (...args) =>
    this.#llm.createEmbedding(...args);

  readonly createEmbeddings: Llm['createEmbeddings'] = (...args) =>
    this.#llm.createEmbeddings(...args);

  readonly rerank: Llm['rerank'] = (...args) => this.#llm.rerank(...args);

  readonly setModel: Llm['setModel'] = (model) => this.#llm.setModel(model);

  get usage(): readonly ModelUsage[] {
    return this.#llm.usage;
  }

  #keep<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (isInEntry()) return work();
    let first: { readonly value: T } | { readonly error: unknown } | undefined;
    const begin = async (): Promise<WorkResult> => {
      try {
        const { value, usage } = await inEntry(`a call of ${name}`, work);
        first = { value };
        return { outcome: keptValue(`the model call ${name}`, value), usage };
      } catch (error) {
        first ??= { error };
        return { outcome: keptError(error) };
      }
    };
    const read = (outcome: EntryOutcome): unknown => {
      if (first && !this.#isDurable) {
        if ('error' in first) throw first.error;
        return first.value;
      }
      const cause = first && 'error' in first ? first.error : undefined;
      if (outcome.kind === 'error') throw failureFrom(outcome, cause);
      return outcome.kind === 'value' ? valueFrom(outcome) : undefined;
    };
    // What is kept is what the call gave, as far as it is plain JSON.
    return this.#journal.call({ kind: 'model', name, begin, read }) as Promise<T>;
  }
}
