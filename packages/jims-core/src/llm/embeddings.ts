import type { EmbeddingModelV4, EmbeddingModelV4Result } from '@ai-sdk/provider';

import { inBatches } from './batches.ts';
import { callModel, inTime } from './call.ts';
import type { Call, CallOptions, LlmScope } from './call.ts';
import type { UsableModel } from './models.ts';
import { WrongAnswerError } from './provider-failure.ts';

/**
 * The vectors of texts, in their order. A batch that fails is tried again alone: those before it are
 * paid.
 */
export async function embed(
  scope: LlmScope,
  target: UsableModel<EmbeddingModelV4>,
  texts: readonly string[],
  options: CallOptions,
): Promise<number[][]> {
  const { embeddingsMaxBatchSize, embeddingsMaxTokensPerBatch: maxTokens } = scope.settings;
  const most = (await target.model.maxEmbeddingsPerCall) ?? embeddingsMaxBatchSize;
  const maxTexts = Math.min(most, embeddingsMaxBatchSize);
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
  const what = { operation: 'embeddings', name, provider, model: model.modelId } as const;
  const request = { values: [...texts], providerOptions, ...(dimensions > 0 && { dimensions }) };

  async function attempt(call: Call): Promise<number[][]> {
    const result = await inTime(call, (abortSignal) => model.doEmbed({ ...request, abortSignal }));
    const promptTokens = result.usage?.tokens ?? 0;
    const named = modelNamedIn(result) ?? model.modelId;
    await call.answered({ model: named, promptTokens, completionTokens: 0, cachedTokens: 0 });
    call.span.set({
      'gen_ai.response.model': named,
      'gen_ai.usage.input_tokens': promptTokens,
      'gen_ai.embeddings.dimension.count': result.embeddings[0]?.length ?? 0,
    });
    const vectors = inOrder(result, texts.length);
    checkLengths(vectors, dimensions);
    return vectors;
  }

  return callModel(scope, options, what, (call) => call.attempts(() => attempt(call)));
}

function modelNamedIn({ response }: EmbeddingModelV4Result): string | undefined {
  const body = response?.body;
  if (typeof body !== 'object' || body === null || !('model' in body)) return undefined;
  return typeof body.model === 'string' ? body.model : undefined;
}

/** OpenAI's form gives each vector the index of its text, and promises no order. */
function inOrder({ embeddings, response }: EmbeddingModelV4Result, texts: number): number[][] {
  if (embeddings.length !== texts) {
    throw new WrongAnswerError(`${texts} texts were sent, ${embeddings.length} vectors came`);
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

/** Vectors of other lengths fit into no index that was made for these. */
function checkLengths(vectors: readonly (readonly number[])[], dimensions: number): void {
  const wanted = dimensions > 0 ? dimensions : (vectors[0]?.length ?? 0);
  const wrong = vectors.find(({ length }) => length !== wanted || length === 0);
  if (!wrong) return;
  throw new WrongAnswerError(
    dimensions > 0
      ? `a vector has ${wrong.length} numbers, and EMBEDDINGS_DIM is ${dimensions}: set it to what the model gives, or to 0`
      : `vectors of different lengths came: ${wanted} and ${wrong.length}`,
  );
}

function indexesIn(body: unknown): readonly number[] | undefined {
  if (typeof body !== 'object' || body === null || !('data' in body)) return undefined;
  if (!Array.isArray(body.data)) return undefined;
  const items: readonly unknown[] = body.data;
  const indexes = items.map((item) =>
    typeof item === 'object' && item !== null && 'index' in item ? item.index : undefined,
  );
  return indexes.every((index) => typeof index === 'number') ? indexes : undefined;
}
