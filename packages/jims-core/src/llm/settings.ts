import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { JimsError } from '../errors/jims-error.ts';
import { booleanVariable, integerVariable, variable } from './environment.ts';
import type { Environment } from './environment.ts';
import { createRedactor } from './secrets.ts';

/**
 * A chat model: its name in LiteLLM's form (`gpt-4.1-mini`, `anthropic/claude-sonnet-5`,
 * `ollama/qwen3`), or a model object of one of the AI SDK's providers.
 */
export type ChatModel = string | LanguageModelV4;
/** An embeddings model: its name, such as `text-embedding-3-large`, or a model object. */
export type EmbeddingsModel = string | EmbeddingModelV4;

/**
 * A server that speaks OpenAI's API. Its name goes before the slash of a model's name. Under the name
 * of a known provider, such as `groq`, these settings override what is known about that provider.
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
  /** Such as `http://gpu-1:8000/v1`. Required, except for a known provider. */
  readonly baseUrl?: string;
  /** Default: `MODEL_API_KEY` when `MODEL` is a model of this server, otherwise none. */
  readonly apiKey?: string;
  /** False for a server that supports JSON but no JSON schema. Default true; false for `deepseek`. */
  readonly structuredOutputs?: boolean;
  /** False for a server that refuses `stream_options`: its streams have no usage. Default true. */
  readonly streamUsage?: boolean;
  /**
   * True for a model whose template takes one system message, before the conversation: all system
   * messages are sent as that one. Default false; true for `hosted_vllm` and `ollama`.
   */
  readonly systemFirst?: boolean;
  /**
   * True for a model whose template wants user and assistant to take turns, the user first:
   * consecutive messages of one role are sent as one. Default false; true for `hosted_vllm` and
   * `ollama`.
   */
  readonly alternatingRoles?: boolean;
  /**
   * The types of files that its models take, such as `['image/*', 'application/pdf']`; text is always
   * taken. Default: the setting `files`, then images.
   */
  readonly files?: readonly string[];
}

/** The settings of an app's models. What is left out comes from the variable, then the default. */
export interface LlmSettings {
  /** `MODEL`; default `gpt-4.1-mini`. */
  readonly model?: ChatModel;
  /** `MODEL_API_KEY`; default: the provider's own variable, such as `OPENAI_API_KEY`. */
  readonly modelApiKey?: string;
  /** `EMBEDDINGS_MODEL`; default `text-embedding-3-large`. */
  readonly embeddingsModel?: EmbeddingsModel;
  /** `EMBEDDINGS_MODEL_API_KEY`; default: the provider's own variable. */
  readonly embeddingsModelApiKey?: string;
  /** `EMBEDDINGS_DIM`: numbers in a vector; default 1024. With 0 the model decides. */
  readonly embeddingsDim?: number;
  /** `EMBEDDINGS_MAX_BATCH_SIZE`: texts in one request; default 2048. */
  readonly embeddingsMaxBatchSize?: number;
  /** `EMBEDDINGS_MAX_TOKENS_PER_BATCH`: tokens in one request; default 200,000. */
  readonly embeddingsMaxTokensPerBatch?: number;
  /** `RERANKER_BACKEND`; default and only one: `cohere`. */
  readonly rerankerBackend?: string;
  /** `RERANKER_MODEL`; default `rerank-v3.5`. */
  readonly rerankerModel?: string;
  /** Servers of your own, by the name that goes before the slash. */
  readonly servers?: Readonly<Record<string, CompatibleServer>>;
  /**
   * How long one try may wait without receiving a byte. A comment that keeps the connection open
   * counts. Milliseconds; `Infinity` for no limit. Default 120,000; 600,000 for a chat answer that is
   * not streamed, as nothing may arrive until it is complete.
   */
  readonly timeoutMs?: number;
  /** Tries of one call, the first included; default 3. */
  readonly tries?: number;
  /**
   * The longest wait before the second try; it doubles with every try. Each wait is a random time up
   * to it. Milliseconds; default 1000.
   */
  readonly retryBaseMs?: number;
  /**
   * `MODEL_FILES`, with commas between: the types of files that chat models take, such as `image/*`; text
   * is always taken. `[]`, or `none`, for models that take text alone. Default: what the provider takes.
   */
  readonly files?: readonly string[];
  /**
   * `MODEL_MAX_FILE_BYTES`: the most bytes of files in one request, the newest first; older files are only
   * named. Default 20 MiB.
   */
  readonly maxFileBytes?: number;
  /** `JIMS_TRACE_CONTENT`: record prompts and answers in trace spans; default false. */
  readonly traceContent?: boolean;
}

/** Complete settings, and the environment from which keys are read when a model is first used. */
export interface ResolvedLlmSettings extends Required<
  Omit<LlmSettings, 'modelApiKey' | 'embeddingsModelApiKey' | 'timeoutMs' | 'files'>
> {
  readonly modelApiKey: string | undefined;
  readonly embeddingsModelApiKey: string | undefined;
  /** `undefined`: the provider decides. */
  readonly files: readonly string[] | undefined;
  /** `undefined`: the kind of call decides. */
  readonly timeoutMs: number | undefined;
  readonly env: Environment;
  /** Replaces keys in text that may be logged. */
  readonly redact: (text: string) => string;
}

/**
 * Fills in what the code leaves out from the variables of the Python original.
 *
 * @throws JimsError `llm_unusable` for a variable or a setting with a value that it cannot have.
 */
export function resolveLlmSettings(given: LlmSettings, env: Environment): ResolvedLlmSettings {
  checkNumbers(given);
  const inCode = Object.entries(given).filter(([, value]) => value !== undefined);
  const inEnvironment = fromEnvironment(env);
  const { files = inEnvironment.files, servers = {} } = given;
  [files, ...Object.values(servers).map((server) => server.files)].forEach((types) =>
    checkFileTypes(types),
  );
  return {
    ...inEnvironment,
    ...Object.fromEntries(inCode),
    ...keysOf(given, env),
    env,
    redact: createRedactor(keysInCode(given), env),
  };
}

/** Files and shells leave a line break at the end of a key. */
function keysOf(
  { modelApiKey, embeddingsModelApiKey }: LlmSettings,
  env: Environment,
): Pick<ResolvedLlmSettings, 'modelApiKey' | 'embeddingsModelApiKey'> {
  return {
    modelApiKey: modelApiKey?.trim() || variable(env, 'MODEL_API_KEY'),
    embeddingsModelApiKey:
      embeddingsModelApiKey?.trim() || variable(env, 'EMBEDDINGS_MODEL_API_KEY'),
  };
}

function keysInCode({
  modelApiKey,
  embeddingsModelApiKey,
  servers = {},
}: LlmSettings): readonly (string | undefined)[] {
  const ofServers = Object.values(servers).map(({ apiKey }) => apiKey);
  return [modelApiKey, embeddingsModelApiKey, ...ofServers];
}

function checkNumbers(given: LlmSettings): void {
  const { timeoutMs, tries, retryBaseMs, embeddingsDim } = given;
  const { embeddingsMaxBatchSize, embeddingsMaxTokensPerBatch, maxFileBytes } = given;
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
  checkNumbersIn({ retryBaseMs }, 0, 'number');
  checkNumbersIn({ embeddingsDim, maxFileBytes }, 0);
  checkNumbersIn({ tries, embeddingsMaxBatchSize, embeddingsMaxTokensPerBatch }, 1);
}

function checkNumbersIn(
  settings: Readonly<Record<string, number | undefined>>,
  least: number,
  kind: 'whole number' | 'number' = 'whole number',
): void {
  const isKind = kind === 'number' ? Number.isFinite : Number.isSafeInteger;
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || (isKind(value) && value >= least)) continue;
    const reason = `${name} is ${value}: it must be a ${kind} of at least ${least}`;
    throw new JimsError('llm_unusable', reason);
  }
}

/** @throws JimsError `llm_unusable` for a time limit that no answer can meet. */
export function checkTimeout(timeoutMs: number): void {
  if (timeoutMs > 0) return;
  throw new JimsError(
    'llm_unusable',
    `timeoutMs is ${timeoutMs}: it must be a number of milliseconds above 0, or Infinity for no limit`,
  );
}

const MAX_FILE_BYTES = 20 * 1024 * 1024;

function fileTypes(env: Environment): readonly string[] | undefined {
  const text = variable(env, 'MODEL_FILES');
  if (text === undefined) return undefined;
  return text === 'none' ? [] : text.split(',').map((type) => type.trim());
}

/** A type of files: `image/png`, `image/*`, or any. */
const FILE_TYPE = /^[\w.+-]+\/(?:[\w.+-]+|\*)$|^\*\/\*$/;

function checkFileTypes(types: readonly string[] = []): void {
  const wrong = types.find((type) => !FILE_TYPE.test(type));
  if (wrong === undefined) return;
  throw new JimsError(
    'llm_unusable',
    `The files that models take have the type '${wrong}': write types such as image/png, image/* or */*`,
  );
}

function fromEnvironment(
  env: Environment,
): Omit<ResolvedLlmSettings, 'env' | 'redact' | 'modelApiKey' | 'embeddingsModelApiKey'> {
  return {
    model: variable(env, 'MODEL') ?? 'gpt-4.1-mini',
    embeddingsModel: variable(env, 'EMBEDDINGS_MODEL') ?? 'text-embedding-3-large',
    embeddingsDim: integerVariable(env, 'EMBEDDINGS_DIM', 0) ?? 1024,
    embeddingsMaxBatchSize: integerVariable(env, 'EMBEDDINGS_MAX_BATCH_SIZE') ?? 2048,
    embeddingsMaxTokensPerBatch: integerVariable(env, 'EMBEDDINGS_MAX_TOKENS_PER_BATCH') ?? 200_000,
    rerankerBackend: variable(env, 'RERANKER_BACKEND') ?? 'cohere',
    rerankerModel: variable(env, 'RERANKER_MODEL') ?? 'rerank-v3.5',
    files: fileTypes(env),
    maxFileBytes: integerVariable(env, 'MODEL_MAX_FILE_BYTES', 0) ?? MAX_FILE_BYTES,
    traceContent: booleanVariable(env, 'JIMS_TRACE_CONTENT'),
    servers: {},
    timeoutMs: undefined,
    tries: 3,
    retryBaseMs: 1000,
  };
}
