import type { EmbeddingModelV4, EmbeddingModelV4Result } from '@ai-sdk/provider';
import type * as Tokenizer from 'gpt-tokenizer/encoding/cl100k_base';

import type { JimsError } from '../errors/jims-error.ts';
import { optionalPackage } from '../errors/optional-package.ts';
import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import { WrongAnswerError, checkTexts, invalidInput } from './failures/errors.ts';
import { membersOf } from './foreign-json.ts';
import type { UsableModel } from './providers/models.ts';

/** The vectors of texts, in their order. A batch that fails is repeated alone: those before it are paid. */
export async function embed(
  scope: LlmScope,
  target: UsableModel<EmbeddingModelV4>,
  texts: readonly string[],
  options: CallOptions,
): Promise<number[][]> {
  const { embeddingsMaxBatchSize, embeddingsMaxTokensPerBatch: maxTokens } = scope.settings;
  const modelMax = (await target.model.maxEmbeddingsPerCall) ?? embeddingsMaxBatchSize;
  const maxTexts = Math.min(modelMax, embeddingsMaxBatchSize);
  const vectors: number[][] = [];
  for (const batch of await inBatches(texts, { maxTexts, maxTokens })) {
    vectors.push(...(await embedBatch(scope, target, batch, options)));
  }
  return vectors;
}

function embedBatch(
  scope: LlmScope,
  { name, model, provider, providerOptions }: UsableModel<EmbeddingModelV4>,
  texts: readonly string[],
  options: CallOptions,
): Promise<number[][]> {
  const { embeddingsDim: dimensions } = scope.settings;
  const callTarget = { operation: 'embeddings', name, provider, model: model.modelId } as const;
  const request = { values: [...texts], providerOptions, ...(dimensions > 0 && { dimensions }) };

  async function attempt(call: Call): Promise<number[][]> {
    call.trace?.texts(texts);
    const result = await inTime(call, (abortSignal) => model.doEmbed({ ...request, abortSignal }));
    const promptTokens = result.usage?.tokens ?? 0;
    const answeredBy = modelIn(result) ?? model.modelId;
    await call.answered({ model: answeredBy, promptTokens, completionTokens: 0, cachedTokens: 0 });
    call.span.set({
      'gen_ai.response.model': answeredBy,
      'gen_ai.usage.input_tokens': promptTokens,
      'gen_ai.embeddings.dimension.count': result.embeddings[0]?.length ?? 0,
    });
    const vectors = inOrder(result, texts.length);
    checkLengths(vectors, dimensions);
    call.trace?.vectors(vectors);
    return vectors;
  }

  return callModel(scope, options, callTarget, attempt);
}

function modelIn({ response }: EmbeddingModelV4Result): string | undefined {
  const { model } = membersOf(response?.body);
  return typeof model === 'string' ? model : undefined;
}

/** In OpenAI's API each vector has the index of its text, and their order is not promised. */
function inOrder({ embeddings, response }: EmbeddingModelV4Result, texts: number): number[][] {
  if (embeddings.length !== texts) {
    throw new WrongAnswerError(`${texts} texts were sent, and ${embeddings.length} vectors came`);
  }
  const indexes = indexesIn(response?.body) ?? [...embeddings.keys()];
  const ordered = embeddings
    .map((vector, at) => ({ vector, index: indexes[at] }))
    .toSorted((a, b) => Number(a.index) - Number(b.index));
  if (ordered.some(({ index }, at) => index !== at)) {
    throw new WrongAnswerError('the indexes of the vectors are not those of the texts');
  }
  return ordered.map(({ vector }) => vector);
}

/** An index takes only vectors of one length. */
function checkLengths(vectors: readonly (readonly number[])[], dimensions: number): void {
  const wanted = dimensions > 0 ? dimensions : (vectors[0]?.length ?? 0);
  const wrong = vectors.find(({ length }) => length !== wanted || length === 0);
  if (!wrong) return;
  throw new WrongAnswerError(
    dimensions > 0
      ? `a vector has ${wrong.length} numbers, and EMBEDDINGS_DIM is ${dimensions}: set it to the model's number, or to 0`
      : `vectors of different lengths came: ${wanted} and ${wrong.length}`,
  );
}

function indexesIn(body: unknown): readonly number[] | undefined {
  const { data } = membersOf(body);
  if (!Array.isArray(data)) return undefined;
  const indexes = data.map((item): unknown => membersOf(item)['index'] ?? undefined);
  // Some servers write them as text. One that is missing among others is as wrong as one that is there twice.
  return indexes.every((index) => index === undefined) ? undefined : indexes.map(Number);
}

interface BatchLimits {
  readonly maxTexts: number;
  readonly maxTokens: number;
}

/**
 * Puts texts into batches, in their order, each within the limits.
 *
 * @throws JimsError `llm_input_invalid` for text that exceeds the limits by itself.
 */
export async function inBatches(
  texts: readonly string[],
  { maxTexts, maxTokens }: BatchLimits,
): Promise<readonly (readonly string[])[]> {
  checkTexts(texts, 'Text');
  const tokensOf = await counter(texts, maxTokens);
  const batches: string[][] = [];
  let batch: string[] = [];
  let used = 0;
  for (const [index, text] of texts.entries()) {
    const tokens = tokensOf(text);
    if (tokens >= maxTokens) throw tooLong(index, tokens, maxTokens);
    if (batch.length >= maxTexts || used + tokens >= maxTokens) {
      if (batch.length > 0) batches.push(batch);
      batch = [];
      used = 0;
    }
    batch.push(text);
    used += tokens;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/**
 * Text never has more tokens than bytes. So the large tokenizer is loaded only when the number of
 * bytes does not show that all texts fit into one batch.
 */
async function counter(
  texts: readonly string[],
  maxTokens: number,
): Promise<(text: string) => number> {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes < maxTokens) return (text) => Buffer.byteLength(text);
  const { countTokens } = await optionalPackage<typeof Tokenizer>(
    'gpt-tokenizer',
    'Counting the tokens of this many texts',
    { specifier: 'gpt-tokenizer/encoding/cl100k_base' },
  );
  return (text) => countTokens(text, { disallowedSpecial: new Set() });
}

function tooLong(index: number, tokens: number, maxTokens: number): JimsError {
  return invalidInput(
    `Text ${index} has ${tokens} tokens, and an embedding takes fewer than ${maxTokens}: split it`,
  );
}
