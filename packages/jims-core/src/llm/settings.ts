import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { JimsError } from '../errors/jims-error.ts';
import type { Environment } from './environment.ts';
import { createRedactor } from './secrets.ts';

/** A model by its name (`gpt-4.1-mini`, `anthropic/claude-sonnet-5`, `ollama/qwen3`), or one built elsewhere. */
export type ChatModel = string | LanguageModelV4;
export type EmbeddingsModel = string | EmbeddingModelV4;

/**
 * A server that speaks OpenAI's API, to be named before the slash of a model. Under the name of a
 * provider that is known, such as `groq`, it changes what is known of it.
 *
 * @example
 * ```ts
 * defineApp({
 *   pipeline,
 *   llm: {
 *     model: 'house/llama-4',
 *     servers: {
 *       house: { baseUrl: 'http://gpu-1:8000/v1', systemFirst: true },
 *       mistral: { streamUsage: false },
 *     },
 *   },
 * });
 * ```
 */
export interface CompatibleServer {
  /** Such as `http://gpu-1:8000/v1`. May be left out for a provider that is known. */
  readonly baseUrl?: string;
  /** Default: `MODEL_API_KEY` when `MODEL` is a model of this server, else none. */
  readonly apiKey?: string;
  /** False for a server that knows JSON but no JSON schema; default true. */
  readonly structuredOutputs?: boolean;
  /** False for a server that refuses `stream_options`; default true. Streams have no usage then. */
  readonly streamUsage?: boolean;
  /**
   * True for a model whose template takes one system message, before the conversation: all of them
   * are sent as that one. Default false; true for `hosted_vllm` and `ollama`.
   */
  readonly systemFirst?: boolean;
  /**
   * True for a model whose template wants user and assistant to take turns, the user first: messages
   * of one role in a row are sent as one. Default false; true for `hosted_vllm` and `ollama`.
   */
  readonly alternatingRoles?: boolean;
}

/** What an app may decide about its models. What it leaves out is read from the environment. */
export interface LlmSettings {
  /** `MODEL`; default `gpt-4.1-mini`. */
  readonly model?: ChatModel;
  /** `MODEL_API_KEY`; default: the provider's own variable, such as `OPENAI_API_KEY`. */
  readonly modelApiKey?: string;
  /** `EMBEDDINGS_MODEL`; default `text-embedding-3-large`. */
  readonly embeddingsModel?: EmbeddingsModel;
  /** `EMBEDDINGS_MODEL_API_KEY`; default: the provider's own variable. */
  readonly embeddingsModelApiKey?: string;
  /** `EMBEDDINGS_DIM`; default 1024. 0 leaves it to the model. */
  readonly embeddingsDim?: number;
  /** `EMBEDDINGS_MAX_BATCH_SIZE`: texts of one request; default 2048. */
  readonly embeddingsMaxBatchSize?: number;
  /** `EMBEDDINGS_MAX_TOKENS_PER_BATCH`; default 200,000. */
  readonly embeddingsMaxTokensPerBatch?: number;
  /** `RERANKER_BACKEND`; the only one is `cohere`. */
  readonly rerankerBackend?: string;
  /** `RERANKER_MODEL`; default `rerank-v3.5`. */
  readonly rerankerModel?: string;
  /** Servers of your own, by the name that stands before the slash. */
  readonly servers?: Readonly<Record<string, CompatibleServer>>;
  /**
   * How long one try may go on without a sign of life. Each byte is one, and so is a comment by which
   * a server keeps the connection open. Milliseconds; `Infinity` for no limit. Default 120,000, and
   * 600,000 for a whole answer of a chat model, of which nothing may come until it is complete.
   */
  readonly timeoutMs?: number;
  /** Tries of one call, the first included; default 3. */
  readonly tries?: number;
  /** What a wait between tries is drawn up to, doubled with every try. Milliseconds; default 1000. */
  readonly retryBaseMs?: number;
  /** `JIMS_TRACE_CONTENT`: prompts and answers are put into spans; default false. */
  readonly traceContent?: boolean;
}

/** Settings without gaps, and the environment that keys are read from when a model is first used. */
export interface ResolvedLlmSettings extends Required<
  Omit<LlmSettings, 'modelApiKey' | 'embeddingsModelApiKey' | 'timeoutMs'>
> {
  readonly modelApiKey: string | undefined;
  readonly embeddingsModelApiKey: string | undefined;
  /** `undefined` leaves it to the kind of call. */
  readonly timeoutMs: number | undefined;
  readonly env: Environment;
  /** Hides keys in text that may be logged. */
  readonly redact: (text: string) => string;
}

const TRUE: ReadonlySet<string> = new Set(['1', 'true', 't', 'yes', 'y', 'on']);

/**
 * Fills what the code does not say from the variables of the Python original.
 *
 * @throws JimsError `llm_unusable` for a variable or a setting that is not what it should be.
 */
export function resolveLlmSettings(given: LlmSettings, env: Environment): ResolvedLlmSettings {
  checkNumbers(given);
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const redact = createRedactor(sentKeys(given), env);
  return {
    ...fromEnvironment(env),
    ...Object.fromEntries(set),
    ...keysOf(given, env),
    env,
    redact,
  };
}

/** Keys as they can be sent: files and shells leave a line break at the end of one. */
function keysOf(
  { modelApiKey, embeddingsModelApiKey }: LlmSettings,
  env: Environment,
): Pick<ResolvedLlmSettings, 'modelApiKey' | 'embeddingsModelApiKey'> {
  return {
    modelApiKey: modelApiKey?.trim() || word(env, 'MODEL_API_KEY'),
    embeddingsModelApiKey: embeddingsModelApiKey?.trim() || word(env, 'EMBEDDINGS_MODEL_API_KEY'),
  };
}

function checkNumbers(given: LlmSettings): void {
  if (given.timeoutMs !== undefined) checkTimeout(given.timeoutMs);
  checkNumber('tries', given.tries, { least: 1, whole: true });
  checkNumber('retryBaseMs', given.retryBaseMs, { least: 0, whole: false });
  checkNumber('embeddingsDim', given.embeddingsDim, { least: 0, whole: true });
  checkNumber('embeddingsMaxBatchSize', given.embeddingsMaxBatchSize, { least: 1, whole: true });
  checkNumber('embeddingsMaxTokensPerBatch', given.embeddingsMaxTokensPerBatch, {
    least: 1,
    whole: true,
  });
}

function checkNumber(
  name: string,
  value: number | undefined,
  { least, whole }: { readonly least: number; readonly whole: boolean },
): void {
  const fits = value === undefined || (value >= least && Number.isFinite(value));
  if (fits && (!whole || Number.isSafeInteger(value ?? least))) return;
  throw new JimsError(
    'llm_unusable',
    `${name} is ${value}: a ${whole ? 'whole ' : ''}number from ${least} is needed`,
  );
}

/** @throws JimsError `llm_unusable` for a time in which nothing can come. */
export function checkTimeout(timeoutMs: number): void {
  if (timeoutMs > 0) return;
  throw new JimsError(
    'llm_unusable',
    `timeoutMs is ${timeoutMs}: milliseconds above 0 are needed, or Infinity for no limit`,
  );
}

function fromEnvironment(
  env: Environment,
): Omit<ResolvedLlmSettings, 'env' | 'redact' | 'modelApiKey' | 'embeddingsModelApiKey'> {
  return {
    model: word(env, 'MODEL') ?? 'gpt-4.1-mini',
    embeddingsModel: word(env, 'EMBEDDINGS_MODEL') ?? 'text-embedding-3-large',
    embeddingsDim: integer(env, 'EMBEDDINGS_DIM', { least: 0 }) ?? 1024,
    embeddingsMaxBatchSize: integer(env, 'EMBEDDINGS_MAX_BATCH_SIZE') ?? 2048,
    embeddingsMaxTokensPerBatch: integer(env, 'EMBEDDINGS_MAX_TOKENS_PER_BATCH') ?? 200_000,
    rerankerBackend: word(env, 'RERANKER_BACKEND') ?? 'cohere',
    rerankerModel: word(env, 'RERANKER_MODEL') ?? 'rerank-v3.5',
    traceContent: TRUE.has((word(env, 'JIMS_TRACE_CONTENT') ?? '').toLowerCase()),
    servers: {},
    timeoutMs: undefined,
    tries: 3,
    retryBaseMs: 1000,
  };
}

/** The first of the variables that is set; an empty one counts as not set. */
export function word(env: Environment, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]?.trim()).find((value) => value);
}

function integer(env: Environment, name: string, { least = 1 } = {}): number | undefined {
  const text = word(env, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new JimsError(
    'llm_unusable',
    `${name} is '${text}': a whole number from ${least} is needed`,
  );
}

function sentKeys({
  modelApiKey,
  embeddingsModelApiKey,
  servers = {},
}: LlmSettings): readonly (string | undefined)[] {
  return [
    modelApiKey,
    embeddingsModelApiKey,
    ...Object.values(servers).map(({ apiKey }) => apiKey),
  ];
}
