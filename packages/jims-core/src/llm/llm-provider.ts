import type { LanguageModelV4 } from '@ai-sdk/provider';

import type { CallOptions, LlmScope } from './call.ts';
import type { ChatMessages } from './chat/messages.ts';
import type { ChatOptions, ChatRequest } from './chat/request.ts';
import type { AnswerPiece } from './chat/streamed-answer.ts';
import type { Environment } from './environment.ts';
import { FileBytes } from './file-bytes.ts';
import type { FinishReason } from './finish-reasons.ts';
import type { AnswerStream, Llm, LlmProvider, LlmRunOptions } from './llm.ts';
import type { Models, UsableModel } from './providers/models.ts';
import { resolveLlmSettings } from './settings.ts';
import type { ChatModel, LlmSettings, ResolvedLlmSettings } from './settings.ts';
import type { LoopHost } from './tools/loop-host.ts';
import type { ModelAnswer, ModelRequest } from './tools/model-request.ts';
import { ToolAnswer } from './tools/run-answer.ts';
import type { LoopRecord, Reading, RunAnswer } from './tools/run-answer.ts';
import type { AnswerPart, RunOptions } from './tools/run-options.ts';
import { ToolLoop } from './tools/tool-loop.ts';
import { ToolSet } from './tools/tool-set.ts';
import { UsageSum } from './usage.ts';
import type { ModelUsage } from './usage.ts';

/**
 * Makes models without an app. What `settings` leaves out is read from `env`; keys are read when a
 * model is first used. No provider's package is loaded before that.
 *
 * @throws JimsError `llm_unusable` for a setting or a variable with a value that it cannot have.
 * @example
 * const llm = createLlmProvider({ model: 'anthropic/claude-sonnet-5' });
 * const { content } = await llm.chatCompletionPlain([{ role: 'user', content: 'Hello!' }]);
 */
export function createLlmProvider(
  settings: LlmSettings = {},
  env: Environment = process.env,
): LlmProvider {
  const resolved = resolveLlmSettings(settings, env);
  let loading: Promise<Models> | undefined;
  function models(): Promise<Models> {
    loading ??= import('./providers/models.ts').then(({ Models }) => new Models(resolved));
    return loading;
  }
  const forRun = (options: LlmRunOptions): Llm => new RunModels(models, resolved, options);
  return Object.assign(new RunModels(models, resolved, {}), { forRun });
}

interface Prepared {
  readonly target: UsableModel<LanguageModelV4>;
  readonly request: ChatRequest;
}

/**
 * The models of one run. Its calls are members and not methods, so that an app can wrap them by a
 * spread: `{ ...ctx.llm, stream }`.
 */
class RunModels implements Llm {
  readonly #models: () => Promise<Models>;
  readonly #scope: LlmScope;
  readonly #over: AbortSignal | undefined;
  readonly #files: FileBytes | undefined;
  readonly #onToolFailed: LlmRunOptions['onToolFailed'];
  readonly #streams = new Set<Reading>();
  readonly #usage = new UsageSum();
  #model: ChatModel;

  constructor(
    models: () => Promise<Models>,
    settings: ResolvedLlmSettings,
    options: LlmRunOptions,
  ) {
    const { signal, over, threadId, observe, onToolFailed, loadFile, traces } = options;
    const { traceContent = settings.traceContent } = options;
    this.#models = models;
    this.#files = loadFile && new FileBytes(loadFile);
    this.#model = settings.model;
    this.#onToolFailed = onToolFailed;
    this.#scope = {
      settings: { ...settings, traceContent },
      signal,
      threadId,
      traces,
      method: 'chat',
      observe: (usage) => {
        this.#usage.add(usage);
        observe?.(usage);
      },
    };
    this.#over = over;
    // A stream that nobody reads any more does not notice by itself that the run is over.
    over?.addEventListener('abort', () => {
      for (const stream of this.#streams) stream.return().catch(() => {});
    });
  }

  readonly chatCompletionPlain: Llm['chatCompletionPlain'] = async (messages, options = {}) => {
    const { target, request } = await this.#prepare(messages, options);
    const { complete, messageMaker } = await import('./chat/complete.ts');
    return complete(
      this.#scopeOf('complete'),
      target,
      { request, options },
      messageMaker(target, options),
    );
  };

  readonly chatCompletionStructured: Llm['chatCompletionStructured'] = async (
    messages,
    schema,
    options = {},
  ) => {
    const { target, request } = await this.#prepare(messages, options);
    const { completeStructured } = await import('./chat/structured.ts');
    const name = options.name ?? 'response';
    return completeStructured(this.#scopeOf('structured'), target, {
      request,
      options,
      schema,
      name,
    });
  };

  readonly chatCompletionWithTools: Llm['chatCompletionWithTools'] = async (
    messages,
    tools,
    options = {},
  ) => {
    const { target, request } = await this.#prepare(messages, options);
    const { completeWithTools } = await import('./chat/tools.ts');
    return completeWithTools(this.#scopeOf('tools'), target, { request, options, tools });
  };

  readonly stream: Llm['stream'] = (messages, options = {}) =>
    new LazyStream(() => this.#startStream(messages, options), this.#streams);

  readonly run: Llm['run'] = <T extends object>(
    messages: ChatMessages,
    options: RunOptions<T> = {},
  ): RunAnswer => {
    const start = (host: LoopHost, record: LoopRecord): AsyncGenerator<AnswerPart, void> =>
      this.#startLoop(messages, options, host, record);
    return new ToolAnswer({ start, reading: this.#streams });
  };

  readonly createEmbedding: Llm['createEmbedding'] = async (text, options) => {
    const [vector] = await this.#embed([text], options);
    return vector ?? [];
  };

  readonly createEmbeddings: Llm['createEmbeddings'] = (texts, options) =>
    this.#embed(texts, options);

  readonly rerank: Llm['rerank'] = async (query, documents, options = {}) => {
    const { rerank } = await import('./rerank.ts');
    return rerank(this.#scopeOf('rerank'), { query, documents }, options);
  };

  readonly setModel: Llm['setModel'] = (model) => {
    this.#model = model;
  };

  get usage(): readonly ModelUsage[] {
    return this.#usage.total;
  }

  async #prepare(messages: ChatMessages, options: ChatOptions): Promise<Prepared> {
    const { chatRequest } = await import('./chat/request.ts');
    const models = await this.#models();
    const target = await models.chat(options.model ?? this.#model);
    const { maxFileBytes } = this.#scope.settings;
    const sources = { bytes: this.#files, maxFileBytes };
    return { target, request: await chatRequest(target, messages, { options, sources }) };
  }

  async #embed(texts: readonly string[], options: CallOptions = {}): Promise<number[][]> {
    const { embed } = await import('./embeddings.ts');
    const models = await this.#models();
    const target = await models.embeddings(this.#scope.settings.embeddingsModel);
    return embed(this.#scopeOf('embeddings'), target, texts, options);
  }

  async #startStream(messages: ChatMessages, options: ChatOptions): Promise<Pieces> {
    const { target, request } = await this.#prepare(messages, options);
    const { streamChat } = await import('./chat/stream.ts');
    return streamChat(this.#readScope('stream'), target, { request, options });
  }

  /** Without a promise: what it does first must come at once, as its order among other calls is kept. */
  #startLoop<T extends object>(
    messages: ChatMessages,
    options: RunOptions<T>,
    host: LoopHost,
    record: LoopRecord,
  ): AsyncGenerator<AnswerPart, void, void> {
    const signals = [this.#readScope('run').signal, options.signal];
    const signal = AbortSignal.any(signals.filter((each) => each !== undefined));
    const ask = this.#askModel.bind(this);
    const { tools, ...rounds } = options;
    const loop = {
      messages,
      options: rounds,
      tools: ToolSet.of(tools, this.#onToolFailed),
      signal,
      ask,
      record,
    };
    return new ToolLoop(loop, host).run();
  }

  async *#askModel(asked: ModelRequest): AsyncGenerator<AnswerPiece, ModelAnswer, void> {
    const { target, request } = await this.#prepare(asked.messages, asked.options);
    const { askModel } = await import('./tools/ask-model.ts');
    return yield* askModel(this.#readScope('run'), target, request, asked);
  }

  /** The name of a method is for traces alone. */
  #scopeOf(method: string): LlmScope {
    return this.#scope.traces ? { ...this.#scope, method } : this.#scope;
  }

  /** For what is read piece by piece, which ends with its run. */
  #readScope(method: string): LlmScope {
    const signals = [this.#scope.signal, this.#over].filter((each) => each !== undefined);
    return { ...this.#scope, method, signal: AbortSignal.any(signals) };
  }
}

/** The pieces of an answer, and then how it ended; `undefined` when its reader left early. */
type Pieces = AsyncGenerator<string, FinishReason | undefined, void>;

class LazyStream implements AnswerStream {
  readonly #pieces: Pieces;
  #finishReason: FinishReason | undefined;

  /** @param reading The streams that are being read: this one adds itself when it is read. */
  constructor(start: () => Promise<Pieces>, reading: Set<Reading>) {
    this.#pieces = this.#read(start, reading);
  }

  async *#read(start: () => Promise<Pieces>, reading: Set<Reading>): Pieces {
    reading.add(this);
    try {
      return yield* await start();
    } finally {
      reading.delete(this);
    }
  }

  get finishReason(): FinishReason | undefined {
    return this.#finishReason;
  }

  async next(): Promise<IteratorResult<string, void>> {
    const { done, value } = await this.#pieces.next();
    if (!done) return { done: false, value };
    this.#finishReason ??= value;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<string, void>> {
    await this.#pieces.return(undefined);
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<string, void>> {
    await this.#pieces.throw(error);
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
