import type { AnswerStream } from './answer-stream.ts';
import type { CallOptions } from './call.ts';
import type { ChatOptions } from './chat-request.ts';
import type { FinishReason } from './finish-reason.ts';
import type { AnswerSchema } from './json-schema.ts';
import type { AssistantMessage, ChatMessages, ToolCall } from './messages.ts';
import type { RankedDocument, RerankOptions } from './rerank.ts';
import type { ChatModel } from './settings.ts';
import type { Tool, ToolChoice } from './tools.ts';
import type { CallUsage, ModelUsage } from './usage.ts';

/**
 * Language models behind one object: `ctx.llm`. Each call is tried up to three times where that can
 * help, counted in `usage`, in the metrics and in the traces, and ended when its run is stopped.
 *
 * Every call rejects with a JimsError: `llm_unusable` when a name, a key or a package is missing,
 * `llm_input_invalid` for messages or texts that no model takes, `llm_failed` when the provider did
 * not answer or answered with an error, `llm_answer_invalid` when the answer is empty; or with an
 * `AbortError` when it was stopped.
 */
export interface Llm {
  /** The answer, as a message. Its `finishReason` says whether it was cut off or filtered. */
  chatCompletionPlain(messages: ChatMessages, options?: ChatOptions): Promise<AssistantMessage>;
  /**
   * An answer that fits the schema, checked.
   *
   * @throws JimsError `llm_answer_invalid` when the model does not bring it about in three tries,
   * or refuses; its `cause` has the issues.
   */
  chatCompletionStructured<T>(
    messages: ChatMessages,
    schema: AnswerSchema<T>,
    options?: StructuredOptions,
  ): Promise<T>;
  /**
   * The answer and the calls that the model wants. They are not made: that is for the app. Put
   * `message` into the next call as it is: it holds what the provider wants back.
   */
  chatCompletionWithTools(
    messages: ChatMessages,
    tools: readonly Tool[],
    options?: ToolsOptions,
  ): Promise<ToolsAnswer>;
  /** The answer piece by piece: `await ctx.sendMessage(ctx.llm.stream(ctx.history))`. */
  stream(messages: ChatMessages, options?: ChatOptions): AnswerStream;
  createEmbedding(text: string, options?: CallOptions): Promise<number[]>;
  /** The vectors of texts, in their order, whatever their number. */
  createEmbeddings(texts: readonly string[], options?: CallOptions): Promise<number[][]>;
  /** Documents by how well they answer the query, best first. */
  rerank(
    query: string,
    documents: readonly string[],
    options?: RerankOptions,
  ): Promise<RankedDocument[]>;
  /** Changes the chat model for the rest of this run. */
  setModel(model: ChatModel): void;
  /** What this run has used so far, by model. */
  readonly usage: readonly ModelUsage[];
}

export interface StructuredOptions extends ChatOptions {
  /** What the answer is called towards the model; default `response`. */
  readonly name?: string;
}

export interface ToolsOptions extends ChatOptions {
  /** Whether a tool has to be called, or which; default: as the model likes. */
  readonly toolChoice?: ToolChoice;
}

/** An answer of a model that was given tools. */
export interface ToolsAnswer {
  readonly message: AssistantMessage;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: FinishReason;
}

/** What a run gives to its model. */
export interface LlmRun {
  readonly signal?: AbortSignal;
  /** Aborts when the run is over: it ends the streams that its pipeline left half read. */
  readonly over?: AbortSignal;
  readonly threadId?: string;
  /** Before what the settings say. */
  readonly traceContent?: boolean;
  /** Is told of every answered request. */
  readonly observe?: (usage: CallUsage) => void;
}

/** The models of an app: usable as it is, and where each run's `ctx.llm` comes from. */
export interface LlmProvider extends Llm {
  forRun(run: LlmRun): Llm;
}
