import type { ModelTraces } from '../telemetry/trace.ts';
import type { CallOptions } from './call.ts';
import type { AssistantMessage, ChatMessages } from './chat/messages.ts';
import type { ChatOptions } from './chat/request.ts';
import type { StructuredOptions } from './chat/structured.ts';
import type { Tool, ToolsAnswer, ToolsOptions } from './chat/tools.ts';
import type { FinishReason } from './finish-reasons.ts';
import type { RankedDocument, RerankOptions } from './rerank.ts';
import type { AnswerSchema } from './schemas/json-schema.ts';
import type { ChatModel } from './settings.ts';
import type { RunAnswer } from './tools/run-answer.ts';
import type { RunOptions } from './tools/run-options.ts';
import type { CallUsage, ModelUsage } from './usage.ts';

/**
 * Language models behind one object: `ctx.llm` in a pipeline, `app.llm` outside of a run. A call is
 * tried up to three times where that can help. It is counted in `usage`, in the metrics and in the
 * traces, and it ends when its run is stopped.
 *
 * Every call rejects with a JimsError: `llm_unusable` when a name, a key, a package or a setting is
 * missing or wrong; `llm_input_invalid` for messages or texts that no model takes; `llm_failed` when
 * the provider answered with an error, or not at all; `llm_answer_invalid` when the answer is empty.
 * A call that was stopped rejects with the reason of the signal, an `AbortError`.
 */
export interface Llm {
  /**
   * Gives the answer as a message. Its `finishReason` says whether it was cut off or filtered.
   *
   * @example
   * const { content } = await ctx.llm.chatCompletionPlain(ctx.history, { temperature: 0 });
   */
  chatCompletionPlain(messages: ChatMessages, options?: ChatOptions): Promise<AssistantMessage>;
  /**
   * Gives an answer that was checked with the schema.
   *
   * @throws JimsError `llm_answer_invalid` when no answer of three tries fits, or the model refuses;
   * `cause` has the schema's issues.
   * @example
   * const Trip = z.object({ city: z.string(), days: z.int() });
   * const { city, days } = await ctx.llm.chatCompletionStructured(ctx.history, Trip);
   */
  chatCompletionStructured<T>(
    messages: ChatMessages,
    schema: AnswerSchema<T>,
    options?: StructuredOptions,
  ): Promise<T>;
  /**
   * Gives the answer and the tool calls that the model wants. The app makes them. It then calls again
   * with `message` as it is, which holds what the provider wants back, and one `tool` message a call.
   *
   * @example
   * const { message, toolCalls } = await ctx.llm.chatCompletionWithTools(messages, tools);
   * messages.push(message);
   * for (const { id, function: called } of toolCalls) {
   *   const content = await look(called.name, called.arguments);
   *   messages.push({ role: 'tool', tool_call_id: id, content });
   * }
   */
  chatCompletionWithTools(
    messages: ChatMessages,
    tools: readonly Tool[],
    options?: ToolsOptions,
  ): Promise<ToolsAnswer>;
  /**
   * Gives the answer piece by piece. The request is sent when the first piece is read.
   *
   * @example await ctx.sendMessage(ctx.llm.stream(ctx.history));
   */
  stream(messages: ChatMessages, options?: ChatOptions): AnswerStream;
  /**
   * Lets the model call tools until it answers without them: gives its answer part by part. Each answer of
   * the model and each call is done once, as a step is, when `ctx.sendMessage` or the pipeline reads it.
   * Inside of a step it is a part of the step. Calls and results are kept for `ctx.context()`.
   *
   * @example
   * const tools = {
   *   find_order: {
   *     description: 'Finds an order',
   *     schema: z.object({ id: z.string() }),
   *     execute: ({ id }) => orders.find(id),
   *     title: 'Looking up the order',
   *   },
   * };
   * await ctx.sendMessage(ctx.llm.run(ctx.context(), { tools }));
   */
  run<T extends object>(messages: ChatMessages, options?: RunOptions<T>): RunAnswer;
  /**
   * Gives the vector of one string.
   *
   * @example const vector = await ctx.llm.createEmbedding('a red bicycle');
   */
  createEmbedding(text: string, options?: CallOptions): Promise<number[]>;
  /**
   * Gives the vectors of any number of texts, in their order. It sends as many requests as the limits in
   * the settings need.
   *
   * @example const vectors = await ctx.llm.createEmbeddings(['a red bicycle', 'a blue car']);
   */
  createEmbeddings(texts: readonly string[], options?: CallOptions): Promise<number[][]>;
  /**
   * Sorts documents by how well they answer the query, best first.
   *
   * @example
   * const [best] = await ctx.llm.rerank('Who may fly?', documents, { topN: 1 });
   */
  rerank(
    query: string,
    documents: readonly string[],
    options?: RerankOptions,
  ): Promise<RankedDocument[]>;
  /** Changes the chat model for the rest of this run. */
  setModel(model: ChatModel): void;
  /**
   * What this run has used so far: one entry for each model. In a run that goes on after a question or after a crash
   * what its pipeline has used before counts, too.
   */
  readonly usage: readonly ModelUsage[];
}

/**
 * An answer piece by piece.
 *
 * @example
 * ```ts
 * const answer = ctx.llm.stream(ctx.history);
 * await ctx.sendMessage(answer);
 * if (answer.finishReason === 'length') await ctx.sendMessage('(I had to stop here.)');
 * ```
 */
export interface AnswerStream extends AsyncGenerator<string, void, void> {
  /** How the answer ended; `undefined` until its last piece was read. */
  readonly finishReason: FinishReason | undefined;
}

/** What binds models to one run. Everything may be left out. */
export interface LlmRunOptions {
  /** Ends the calls when it aborts. */
  readonly signal?: AbortSignal;
  /** Aborts when the run is over: ends the streams that its pipeline did not read to the end. */
  readonly over?: AbortSignal;
  /** The thread, for traces. */
  readonly threadId?: string;
  /** Overrides the setting `traceContent`. */
  readonly traceContent?: boolean;
  /**
   * Loads the files that messages name. Rejects with the JimsError `file_gone` or `file_not_found` for one
   * that is not there; the model then gets its name.
   */
  readonly loadFile?: (fileId: string) => Promise<Uint8Array>;
  /** Called after every answered request. */
  readonly observe?: (usage: CallUsage) => void;
  /** Called with what a tool of `run` threw: the model gets its message. */
  readonly onToolFailed?: (tool: string, error: unknown) => void;
  /** Where the calls are traced; default: they are not. */
  readonly traces?: ModelTraces;
}

/** The models of an app: usable as they are, and the source of each run's `ctx.llm`. */
export interface LlmProvider extends Llm {
  /** Gives the models with a signal, a usage and a choice of model of their own. */
  forRun(options: LlmRunOptions): Llm;
}
