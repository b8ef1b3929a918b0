import type { EmbeddingModelV4, LanguageModelV4 } from '@ai-sdk/provider';

import { JimsError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A model by its name (`gpt-4.1-mini`, `anthropic/claude-sonnet-5`, `ollama/qwen3`), or one built elsewhere. */
export type ChatModel = string | LanguageModelV4;
export type EmbeddingsModel = string | EmbeddingModelV4;

/** A server that speaks OpenAI's API, to be named before the slash of a model. */
export interface CompatibleServer {
  /** Such as `http://gpu-1:8000/v1`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** False for a server that knows JSON but no JSON schema; default true. */
  readonly structuredOutputs?: boolean;
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
  /** How long one try may take, for a stream: to its next piece. Milliseconds; default 120,000. */
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
  Omit<LlmSettings, 'modelApiKey' | 'embeddingsModelApiKey'>
> {
  readonly modelApiKey: string | undefined;
  readonly embeddingsModelApiKey: string | undefined;
  readonly env: Environment;
}

const TRUE: ReadonlySet<string> = new Set(['1', 'true', 't', 'yes', 'y', 'on']);

/**
 * Fills what the code does not say from the variables of the Python original.
 *
 * @throws JimsError `llm_unusable` for a variable that is not what it should be.
 */
export function resolveLlmSettings(given: LlmSettings, env: Environment): ResolvedLlmSettings {
  return { ...fromEnvironment(env), ...given, env };
}

function fromEnvironment(env: Environment): Omit<ResolvedLlmSettings, 'env'> {
  return {
    model: word(env, 'MODEL') ?? 'gpt-4.1-mini',
    modelApiKey: word(env, 'MODEL_API_KEY'),
    embeddingsModel: word(env, 'EMBEDDINGS_MODEL') ?? 'text-embedding-3-large',
    embeddingsModelApiKey: word(env, 'EMBEDDINGS_MODEL_API_KEY'),
    embeddingsDim: integer(env, 'EMBEDDINGS_DIM', { least: 0 }) ?? 1024,
    embeddingsMaxBatchSize: integer(env, 'EMBEDDINGS_MAX_BATCH_SIZE') ?? 2048,
    embeddingsMaxTokensPerBatch: integer(env, 'EMBEDDINGS_MAX_TOKENS_PER_BATCH') ?? 200_000,
    rerankerBackend: word(env, 'RERANKER_BACKEND') ?? 'cohere',
    rerankerModel: word(env, 'RERANKER_MODEL') ?? 'rerank-v3.5',
    traceContent: TRUE.has((word(env, 'JIMS_TRACE_CONTENT') ?? '').toLowerCase()),
    servers: {},
    timeoutMs: 120_000,
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
