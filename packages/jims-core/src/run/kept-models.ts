import { withCallFrames } from '../errors/call-frames.ts';
import type { AnswerStream, Llm } from '../llm/llm.ts';
import type { LoopHost } from '../llm/tools/loop-host.ts';
import { ToolAnswer } from '../llm/tools/run-answer.ts';
import { UsageSum } from '../llm/usage.ts';
import type { ModelUsage } from '../llm/usage.ts';
import type { EntryOutcome } from '../store/store.ts';
import { isInEntry } from './entry-scope.ts';
import type { Journal } from './journal.ts';
import { KeptStream } from './kept-stream.ts';
import { KeptWork } from './kept-work.ts';

export interface KeptModelsOptions {
  readonly journal: Journal;
  /** Whether answers are kept. The rounds of `run` are in any case, as they decide which tools are called. */
  readonly keepsAnswers: boolean;
  /** Whether the pipeline gets what is kept also the first time. */
  readonly isDurable: boolean;
  /** Where `run` runs. */
  readonly loop: () => LoopHost;
  /** The usage of the results that the pipeline got from earlier executions so far; it grows. */
  readonly replayedUsage: readonly ModelUsage[];
}

/**
 * The models of one pipeline, whose answers are kept in its journal: none is asked twice for the same.
 * Inside a step they are a part of the step. Vectors and rankings are not kept, as they may be large:
 * a pipeline that branches on them puts them into a step.
 */
export class KeptModels implements Llm {
  readonly #llm: Llm;
  readonly #options: KeptModelsOptions;

  constructor(llm: Llm, options: KeptModelsOptions) {
    this.#llm = llm;
    this.#options = options;
  }

  readonly chatCompletionPlain: Llm['chatCompletionPlain'] = (...args) =>
    this.#keep('llm.chat', () => this.#llm.chatCompletionPlain(...args));

  readonly chatCompletionStructured: Llm['chatCompletionStructured'] = (...args) =>
    this.#keep('llm.structured', () => this.#llm.chatCompletionStructured(...args));

  readonly chatCompletionWithTools: Llm['chatCompletionWithTools'] = (...args) =>
    this.#keep('llm.tools', () => this.#llm.chatCompletionWithTools(...args));

  readonly stream: Llm['stream'] = (...args) => {
    const start = (): AnswerStream => this.#llm.stream(...args);
    const keep = <T>(work: () => Promise<T>): Promise<T> => this.#keep('llm.stream', work);
    const { keepsAnswers, isDurable } = this.#options;
    return keepsAnswers ? new KeptStream(start, isDurable ? keep : undefined) : start();
  };

  readonly run: Llm['run'] = (messages, options) => {
    const answer = this.#llm.run(messages, options);
    return answer instanceof ToolAnswer ? answer.runIn(this.#options.loop) : answer;
  };

  readonly createEmbedding: Llm['createEmbedding'] = (...args) =>
    this.#llm.createEmbedding(...args);

  readonly createEmbeddings: Llm['createEmbeddings'] = (...args) =>
    this.#llm.createEmbeddings(...args);

  readonly rerank: Llm['rerank'] = (...args) => this.#llm.rerank(...args);

  readonly setModel: Llm['setModel'] = (model) => this.#llm.setModel(model);

  /** The same in each execution: a pipeline may store it, or branch on it. */
  get usage(): readonly ModelUsage[] {
    const { replayedUsage } = this.#options;
    if (replayedUsage.length === 0) return this.#llm.usage;
    const sum = new UsageSum();
    for (const usage of [...replayedUsage, ...this.#llm.usage]) sum.addSum(usage);
    return sum.total;
  }

  #keep<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { journal, keepsAnswers, isDurable } = this.#options;
    if (isInEntry() || !keepsAnswers) return withCallFrames(work());
    const what = `the model call ${name}`;
    const kept = new KeptWork({ what, work, isKeptOnly: isDurable });
    const read = (outcome: EntryOutcome): T => kept.result(outcome);
    return journal.call({ kind: 'model', name, begin: kept.begin, read });
  }
}
